import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { DaemonStatus } from '../../src/daemon/contract.ts';
import { type ChildHandle, type RunResult, runProcess, spawnProcess } from '../../src/platform/processes.ts';
import { must } from './namespace.ts';
import type { Lab } from './relay.ts';
import { waitFor } from './wait-for.ts';
import { makeTestFolder } from './temporary-folder.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));

/** A `postern up` that a test started. */
export interface RunningUp {
  readonly child: ChildHandle;
  /** Everything it printed so far, stdout and stderr. */
  printed(): string;
}

/** A `~/.postern` of a test's own, and the real command line on it. */
export class PosternHome {
  readonly root: string;
  readonly #started: RunningUp[] = [];

  private constructor(root: string) {
    this.root = root;
  }

  /** Not below a lab's folder: unix sockets have short names (unix(7): 108 bytes). */
  static async make(): Promise<PosternHome> {
    return new PosternHome(makeTestFolder('ph-'));
  }

  /** Writes `postern.yaml`. */
  async configure(config: unknown, mode = 0o600): Promise<void> {
    const text = typeof config === 'string' ? config : stringify(config);
    await rm(join(this.root, 'postern.yaml'), { force: true });
    await writeFile(join(this.root, 'postern.yaml'), text, { mode });
  }

  /** The lab's key and host key, and a certificate for `names`. */
  async joinLab(lab: Lab, names: readonly string[]): Promise<void> {
    const ssh = join(this.root, 'ssh');
    await mkdir(ssh, { recursive: true, mode: 0o700 });
    await copyFile(join(lab.folder, 'key'), join(ssh, 'id_ed25519'));
    await copyFile(lab.relay.knownHostsFile, join(ssh, 'known_hosts'));
    await this.makeCertificate(names);
  }

  /** A certificate that nobody signed. */
  async makeCertificate(names: readonly string[]): Promise<void> {
    const certs = join(this.root, 'certs');
    await mkdir(certs, { recursive: true, mode: 0o700 });
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30'.split(' ');
    const subject = ['-subj', '/CN=test', '-addext', `subjectAltName=${names.map((n) => `DNS:${n}`).join()}`];
    const files = ['-keyout', join(certs, 'key.pem'), '-out', join(certs, 'cert.pem')];
    await must(runProcess('openssl', [...request, ...subject, ...files]));
  }

  /** What a service's `certificate` has to be after one of these. */
  readonly certificate = { cert: 'certs/cert.pem', key: 'certs/key.pem' };

  /** Runs a command to its end. */
  run(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): Promise<RunResult> {
    return runProcess(process.execPath, [PROGRAM, ...args], { env: this.#env(env), input });
  }

  async status(): Promise<DaemonStatus> {
    const { stdout, stderr } = await this.run(['status', '--json']);
    if (stdout === '') throw new Error(stderr);
    const status = JSON.parse(stdout) as DaemonStatus & { error?: unknown };
    if (status.error) throw new Error(stdout);
    return status;
  }

  /** Starts `postern up`; returns at once. */
  up(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): RunningUp {
    const child = spawnProcess(process.execPath, [PROGRAM, 'up', ...args], { env: this.#env(env) });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    }
    const running = { child, printed: () => printed };
    this.#started.push(running);
    return running;
  }

  /** Waits until that very daemon answers and every connection of its link is up. */
  async isUp(running: RunningUp, withinMs = 30_000): Promise<void> {
    let ended: unknown;
    void running.child.ended.then((end) => (ended = end));
    await waitFor('the daemon is up', withinMs, async () => {
      if (ended) throw new Error(`it ended (${JSON.stringify(ended)}):\n${running.printed()}`);
      const status = await this.status().catch(() => undefined);
      return status?.pid === running.child.pid && status?.connections.every(({ state }) => state === 'up');
    }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${running.printed()}`);
    });
  }

  /** The text of all log files. */
  async logs(): Promise<string> {
    const folder = join(this.root, 'log');
    const names = await readdir(folder).catch(() => []);
    return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('');
  }

  /** Ends what was started and removes the folder. */
  async remove(): Promise<void> {
    for (const { child } of this.#started) child.kill('SIGTERM');
    const late = setTimeout(() => this.#started.forEach(({ child }) => child.kill('SIGKILL')), 5000);
    await Promise.all(this.#started.map(({ child }) => child.ended));
    clearTimeout(late);
    await rm(this.root, { recursive: true, force: true });
  }

  #env(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { ...process.env, NO_COLOR: '1', POSTERN_HOME: this.root, ...more };
  }
}
