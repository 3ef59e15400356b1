import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { must } from '../../test/support/namespace.ts';
import type { Lab } from '../../test/support/relay.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { type Guarded, startGuarded } from '../tools/guarded.ts';

const USER = 'bench';
const SESSION_COOKIE = '__Host-gs';

/** Postern at home, as a user has it: `postern up` with a configuration, a user, and a visitor who has signed in. */
export class Postern {
  readonly #lab: Lab;
  readonly #services: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #program: string;
  readonly #cookies = new Map<string, string>();
  #daemon: Guarded | undefined;

  /**
   * @param program `bin/postern.js` of a built package
   * @param services target by public name
   */
  constructor(lab: Lab, program: string, services: Readonly<Record<string, string>>) {
    this.#lab = lab;
    this.#program = program;
    this.#services = services;
    this.#folder = join(lab.folder, 'postern');
  }

  get pid(): number {
    if (!this.#daemon) throw new Error('Postern is not running');
    return this.#daemon.pid;
  }

  /** The visitor's session at a service, as a Cookie field. */
  cookieOf(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  /** The first start: configuration, user, daemon, sign-in. */
  async start(): Promise<void> {
    await this.#configure();
    const password = randomBytes(16).toString('hex');
    await must(this.#postern(['users', 'add', USER, '--password-stdin', '--json'], password));
    await this.#up();
    for (const name of Object.keys(this.#services)) await this.#signIn(name, password);
  }

  /** A fresh daemon; sessions live on. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#up();
  }

  /** May be called any number of times. */
  async stop(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }

  async #configure(): Promise<void> {
    const { relay, folder } = this.#lab;
    const ssh = join(this.#folder, 'ssh');
    await mkdir(ssh, { recursive: true, mode: 0o700 });
    await copyFile(join(folder, 'key'), join(ssh, 'id_ed25519'));
    await copyFile(join(folder, 'key.pub'), join(ssh, 'id_ed25519.pub'));
    const [, type, blob] = (await readFile(relay.knownHostsFile, 'utf8')).split(/\s+/);
    const config = {
      home: this.#lab.home,
      relay: { host: relay.host, hostKey: `${type} ${blob}` },
      services: Object.entries(this.#services).map(([name, to]) => ({
        name,
        to,
        login: { pairing: 'off' },
        certificate: { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
      })),
      // All load comes from one address.
      limits: { connectionsPerAddress: 5000, connectionsPerAddressSignedIn: 5000, connections: 5000 },
    };
    await writeFile(join(this.#folder, 'postern.yaml'), stringify(config), { mode: 0o600 });
  }

  #command(args: readonly string[]): [string, string[]] {
    return ['env', [`POSTERN_HOME=${this.#folder}`, process.execPath, this.#program, ...args]];
  }

  #postern(args: readonly string[], input = '') {
    const [file, rest] = this.#command(args);
    return this.#lab.run('home', file, rest, { input });
  }

  async #up(): Promise<void> {
    const [file, args] = this.#command(['up']);
    this.#daemon = await startGuarded(this.#lab, 'home', file, args);
    await waitFor('every connection of the link is up', 30_000, async () => {
      const { stdout, status } = await this.#postern(['status', '--json']);
      if (status !== 0) return false;
      const { connections } = JSON.parse(stdout) as { connections: { state: string }[] };
      return connections.length > 0 && connections.every(({ state }) => state === 'up');
    }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.#daemon?.printed()}`);
    });
  }

  async #signIn(name: string, password: string): Promise<void> {
    const jar = join(this.#lab.folder, `${name}.cookies`);
    const url = `https://${name}/.postern/sign-in`;
    const curl = (args: readonly string[]) =>
      must(
        this.#lab.run(
          'client',
          'curl',
          [
            '-sSkf',
            '--resolve',
            `${name}:443:${this.#lab.address.relayForClient}`,
            '-b',
            jar,
            '-c',
            jar,
            ...args,
            url,
          ],
          { input: password },
        ),
      );
    await curl(['-o', '/dev/null']);
    await curl([
      '-o',
      '/dev/null',
      '-H',
      `Origin: https://${name}`,
      '-d',
      `user=${USER}`,
      '--data-urlencode',
      'password@-',
    ]);
    const line = (await readFile(jar, 'utf8'))
      .split('\n')
      .find((text) => text.includes(`\t${SESSION_COOKIE}\t`));
    const value = line?.split('\t').at(-1);
    if (!value) throw new Error(`signing in at ${name} gave no session`);
    this.#cookies.set(name, `${SESSION_COOKIE}=${value}`);
  }
}
