import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configSchema } from '../src/config/schema.ts';
import { accountOf } from '../src/core/relay-layout.ts';
import { runProcess } from '../src/platform/processes.ts';
import { relayFiles } from '../src/provision/render/relay-files.ts';
import { relayInputOf } from '../src/provision/render/relay-input.ts';
import { setupScript } from '../src/provision/render/setup-commands.ts';
import { must } from '../test/support/namespace.ts';
import { type Lab, startLab } from '../test/support/relay.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { STATIC_PORT, WIRE_PORT, reference, staticService } from './home/nginx.ts';
import { Postern } from './home/postern.ts';
import { type RoundTrips, Wires } from './lab/wires.ts';
import type { Goal } from './probes/goal.ts';
import { type Guarded, startGuarded } from './tools/guarded.ts';
import { childrenOf } from './tools/procfs.ts';

/** Public names: the static service and the talking one through Postern, and the static one through nginx, both ways. */
export const NAMES = {
  files: 'files.example.test',
  talk: 'talk.example.test',
  reference: 'reference.example.test',
  tuned: 'tuned.example.test',
} as const;

const REFERENCE_HOME = 'ref';
const SERVICE_PORT = 8081;
const CONNECTIONS = 2;
/** Larger than any download of the benchmarks; sparse, so it costs no disk. */
const BIG_BYTES = 64 * 2 ** 30;

export interface StageOptions {
  /** Also nginx ending TLS at home, behind ssh connections of its own. */
  readonly withReference: boolean;
  readonly roundTrips: RoundTrips;
}

/**
 * Client, relay and home as network namespaces, with everything running: the relay from Postern's own texts, the
 * services, the reference nginx with its ssh connections, and Postern. Nothing outlives `close()`, nor the process.
 */
export class Stage {
  readonly lab: Lab;
  readonly wires: Wires;
  readonly postern: Postern;
  readonly #running: Guarded[] = [];
  #reference: Guarded | undefined;

  private constructor(lab: Lab, wires: Wires, program: string) {
    this.lab = lab;
    this.wires = wires;
    this.postern = new Postern(lab, program, {
      [NAMES.files]: `http://127.0.0.1:${STATIC_PORT}`,
      [NAMES.talk]: `http://127.0.0.1:${SERVICE_PORT}`,
    });
  }

  /** @param program `bin/postern.js` of a built package */
  static async open(program: string, { withReference, roundTrips }: StageOptions): Promise<Stage> {
    const lab = await startLab({
      isolated: true,
      names: [NAMES.files, NAMES.talk],
      connections: CONNECTIONS,
    });
    const stage = new Stage(lab, await Wires.lay(lab, roundTrips), program);
    try {
      await makeFiles(lab.folder);
      await liftRelayLimits(lab);
      await stage.#startServices();
      if (withReference) await stage.#startReference();
      await stage.postern.start();
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  /** The same file by the bare wire: no tunnel, no proxy, TLS by nginx at home. */
  wire(path: string): Goal {
    return { address: this.lab.address.home, port: WIRE_PORT, name: NAMES.reference, path };
  }

  /** The same file through the relay and ssh to nginx ending TLS at home; `tuned` keeps connections to the service. */
  nginx(path: string, name: typeof NAMES.reference | typeof NAMES.tuned = NAMES.reference): Goal {
    return { address: this.lab.address.relayForClient, port: 443, name, path };
  }

  /** Through the relay, ssh and Postern, signed in. */
  through(name: typeof NAMES.files | typeof NAMES.talk, path: string): Goal {
    const cookie = this.postern.cookieOf(name);
    return {
      address: this.lab.address.relayForClient,
      port: 443,
      name,
      path,
      ...(cookie === undefined ? {} : { cookie }),
    };
  }

  /** The reference's one worker, whose CPU is compared with Postern's. */
  referencePid(): number {
    const worker = this.#reference && childrenOf(this.#reference.pid)[0];
    if (worker === undefined) throw new Error('this stage has no reference');
    return worker;
  }

  /** May be called any number of times. */
  async close(): Promise<void> {
    await this.postern.stop();
    await Promise.all(this.#running.splice(0).map((program) => program.stop()));
    await this.wires.takeUp();
    await this.lab.stop();
  }

  async #start(file: string, args: readonly string[], until?: string): Promise<Guarded> {
    const program = await startGuarded(this.lab, 'home', file, args, until === undefined ? {} : { until });
    this.#running.push(program);
    return program;
  }

  async #startServices(): Promise<void> {
    const { folder } = this.lab;
    await writeFile(join(folder, 'static.conf'), staticService(folder));
    await this.#start('nginx', ['-c', join(folder, 'static.conf')]);
    await this.#start(process.execPath, [pathOf('./home/service.ts'), String(SERVICE_PORT)], 'ready');
    await waitFor('the static service answers', 10_000, async () => {
      const { status } = await this.lab.run('home', 'curl', ['-sf', `http://127.0.0.1:${STATIC_PORT}/64`]);
      return status === 0;
    });
  }

  async #startReference(): Promise<void> {
    const { folder, relay } = this.lab;
    const localSocket = join(folder, 'reference.sock');
    await setUpReferenceHome(this.lab);
    await writeFile(
      join(folder, 'reference.conf'),
      reference({ folder, socket: localSocket, plainName: NAMES.reference, tunedName: NAMES.tuned }),
    );
    this.#reference = await this.#start('nginx', ['-c', join(folder, 'reference.conf')]);
    await this.#start(
      process.execPath,
      [
        pathOf('./home/reference-link.ts'),
        JSON.stringify({
          relay: { ...relay, account: accountOf(REFERENCE_HOME) },
          home: REFERENCE_HOME,
          connections: CONNECTIONS,
          localSocket,
        }),
      ],
      'ready\n',
    );
  }
}

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** A second home on the same relay, from the same texts. */
async function setUpReferenceHome(lab: Lab): Promise<void> {
  const config = configSchema.parse({
    home: REFERENCE_HOME,
    relay: { host: 'relay.example.test' },
    link: { connections: CONNECTIONS },
    services: [NAMES.reference, NAMES.tuned].map((name) => ({ name, to: 'http://127.0.0.1:1' })),
  });
  const input = relayInputOf(config, await readFile(join(lab.folder, 'key.pub'), 'utf8'));
  const files = relayFiles(input);
  const folder = join(lab.folder, 'reference-home');
  for (const file of files) {
    const path = join(folder, 'files', file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.content);
  }
  await writeFile(join(folder, 'setup.sh'), setupScript(input, files));
  await must(lab.run('relay', 'sh', [join(folder, 'setup.sh')]));
  await liftRelayLimits(lab);
}

/**
 * All load comes from one address and all in one go, which the relay's texts and Debian's nginx.conf forbid on purpose
 * (40 connections for each address, 768 for each worker). Nothing else of the relay is changed.
 */
async function liftRelayLimits(lab: Lab): Promise<void> {
  await must(
    lab.run('relay', 'sh', [
      '-c',
      `sed -i 's/worker_connections .*;/worker_connections 8192;/' /etc/nginx/nginx.conf &&
       sed -i 's/limit_conn postern .*;/limit_conn postern 8192;/' $(grep -lr 'limit_conn postern' /etc/nginx) &&
       nginx -s reload`,
    ]),
  );
}

async function makeFiles(folder: string): Promise<void> {
  const www = join(folder, 'www');
  await mkdir(www);
  await writeFile(join(www, '64'), 'x'.repeat(64));
  await writeFile(join(www, 'big'), '');
  await truncate(join(www, 'big'), BIG_BYTES);
  const names = Object.values(NAMES).map((name) => `DNS:${name}`);
  const words =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=bench`.split(' ');
  const { status, stderr } = await runProcess('openssl', [
    ...words,
    '-addext',
    `subjectAltName=${names.join(',')}`,
    '-keyout',
    join(folder, 'key.pem'),
    '-out',
    join(folder, 'cert.pem'),
  ]);
  if (status !== 0) throw new Error(stderr);
}
