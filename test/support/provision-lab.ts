import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, configSchema } from '../../src/config/schema.ts';
import { PosternError } from '../../src/core/errors/index.ts';
import { silentLog } from '../../src/core/log.ts';
import { sshArguments } from '../../src/link/argv.ts';
import { classifyEnd } from '../../src/link/classify.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { relayCatalogue } from '../../src/provision/catalogue.ts';
import type { RelayAccess } from '../../src/provision/contract.ts';
import type { EngineOptions } from '../../src/provision/engine.ts';
import { Journal } from '../../src/provision/journal.ts';
import { openRelayAccess } from '../../src/provision/relay-access.ts';
import { must } from './namespace.ts';
import { type Lab, type LabOptions, startLab } from './relay.ts';
import { makeTestFolder } from './temporary-folder.ts';

/** A relay that nobody has set up, and everything that `postern apply` needs to set it up. */
export interface ProvisionLab {
  readonly lab: Lab;
  /** ssh configuration with which root signs in. */
  readonly sshConfigFile: string;
  /** An engine of its own each time, as a new command would have; closed by `stop`. */
  engine(change?: EngineChange): Promise<EngineOptions>;
  /** Forgets what home knows, as a new home would. */
  journalFile: string;
  sh(script: string): Promise<string>;
  /** atd runs, as on a relay without systemd. */
  startAtd(): Promise<void>;
  /** Every file of the relay that is not its logs', its runtime's or its package manager's: type, mode, owner, content. */
  tree(): Promise<string>;
  stop(): Promise<void>;
}

export interface EngineChange {
  readonly config?: (config: Config) => Config;
  readonly relay?: (real: RelayAccess) => RelayAccess;
  readonly windowSeconds?: number;
  readonly onProgress?: EngineOptions['onProgress'];
}

const TREE = `cd /
find etc usr/local/lib usr/local/etc var/lib var/spool root -maxdepth 4 \\( -path var/lib/apt -o -path var/lib/dpkg -o -path var/lib/nginx \\
  -o -path var/spool/cron/atjobs/.SEQ -o -path 'root/.[a-r]*' -o -path 'root/.[t-z]*' -o -name node_modules \\) -prune -o -printf '%y %m %u:%g %p %l\\n' | sort
find etc root/.ssh var/lib/postern* -type f 2>/dev/null | sort | xargs -d '\\n' sha256sum`;

export async function startProvisionLab(options: LabOptions = {}): Promise<ProvisionLab> {
  const lab = await startLab({ ...options, isBare: true });
  const root = makeTestFolder('pv-');
  const sshConfigFile = join(root, 'ssh_config');
  await writeFile(
    sshConfigFile,
    `IdentityFile ${join(lab.folder, 'operator')}\nIdentitiesOnly yes\nIdentityAgent none\n`,
  );
  const closers: (() => Promise<unknown>)[] = [];
  const sh = (script: string): Promise<string> => must(lab.run('relay', 'sh', ['-c', script]));
  const made: ProvisionLab = {
    lab,
    sshConfigFile,
    journalFile: join(root, 'provision.db'),
    sh,
    startAtd: async () => void (await sh('(setsid /usr/sbin/atd -f >/dev/null 2>&1 &)')),
    tree: () => sh(TREE),
    engine: async (change = {}) => {
      const { engine, close } = await makeEngine(made, change);
      closers.push(close);
      return engine;
    },
    stop: async () => {
      for (const close of closers) await close();
      await lab.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
  return made;
}

async function makeEngine(
  { lab, sshConfigFile, journalFile }: ProvisionLab,
  change: EngineChange,
): Promise<{ engine: EngineOptions; close: () => Promise<void> }> {
  const plain = configSchema.parse({
    home: lab.home,
    relay: { host: lab.relay.host, port: lab.relay.port },
    services: lab.input.homeNames.map((name) => ({ name, to: 'http://127.0.0.1:1' })),
  });
  const config = change.config?.(plain) ?? plain;
  const real = openRelayAccess({
    address: {
      host: lab.relay.host,
      port: lab.relay.port,
      user: config.relay.user ?? 'root',
      knownHostsFile: lab.relay.knownHostsFile,
      sshConfigFile,
      mayAsk: false,
    },
    linkArguments: sshArguments({ relay: lab.relay, forwards: [], remoteCommand: 'prove', hasAes: true }),
    explainSsh: (end) => {
      const { code, line } = classifyEnd(end);
      return new PosternError(code, { line });
    },
    clock: systemClock,
  });
  const journal = await Journal.open(journalFile, 'x@relay');
  const { windowSeconds, onProgress } = change;
  const engine: EngineOptions = {
    home: config.home,
    relay: `${config.relay.host}:${config.relay.port}`,
    catalogue: relayCatalogue({
      config,
      publicKey: await readFile(`${lab.relay.identityFile}.pub`, 'utf8'),
      ...(windowSeconds === undefined ? {} : { windowSeconds }),
    }),
    world: { relay: change.relay?.(real) ?? real, clock: systemClock, log: silentLog },
    journal,
    ...(onProgress === undefined ? {} : { onProgress }),
  };
  return {
    engine,
    close: async () => {
      journal.close();
      await real.close();
    },
  };
}
