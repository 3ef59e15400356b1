import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, configSchema } from '../../src/config/schema.ts';
import { silentLog } from '../../src/core/log.ts';
import type { AuthAdmin } from '../../src/edge/auth/admin.ts';
import { type Daemon, startDaemon } from '../../src/daemon/lifecycle.ts';
import type { DaemonParts } from '../../src/daemon/parts.ts';
import { realParts } from '../../src/daemon/real-parts.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type HomeFolder, homeFolder, makeHomeFolder } from '../../src/platform/home-folder.ts';
import { runProcess } from '../../src/platform/processes.ts';
import { must } from './namespace.ts';
import { type Lab, startLab } from './relay.ts';
import { waitFor } from './wait-for.ts';
import { makeTestFolder } from './temporary-folder.ts';

/**
 * A service of this machine, published for real: the daemon with its own parts, the system's ssh, and a relay of the
 * machine's sshd and nginx (`relay.ts`). Nothing in between is a stand-in.
 */
export interface Published {
  readonly name: string;
  /** `https://NAME` */
  readonly origin: string;
  /** The address that a visitor connects to. */
  readonly address: string;
  /** What a visitor has to trust: the certificate of the name, at home or on the relay. */
  readonly ca: string;
  readonly user: string;
  readonly password: string;
  readonly lab: Lab;
  readonly folder: HomeFolder;
  readonly config: Config;
  readonly daemon: Daemon;
  readonly admin: AuthAdmin;
  /** Resolves when the guard has let the service open, or has shut it. */
  becomes(state: 'open' | 'shut', withinMs?: number): Promise<void>;
  /** Ends every ssh session on the relay, and resolves when all connections are up again. */
  cutLink(): Promise<void>;
  stop(): Promise<void>;
}

export interface PublishOptions {
  readonly name: string;
  /** `http://127.0.0.1:PORT` */
  readonly to: string;
  readonly kind?: 'web' | 'openclaw';
  readonly tls?: 'home' | 'relay';
  readonly auth?: 'login' | 'none';
  readonly allow?: readonly string[];
  /** Other parts, such as an edge that forgets a header. */
  readonly parts?: (real: DaemonParts) => DaemonParts;
}

const USER = 'ann';
const PASSWORD = 'correct horse battery staple';

export async function publish(options: PublishOptions): Promise<Published> {
  const { name, tls = 'home' } = options;
  const lab = await startLab(tls === 'home' ? { names: [name] } : { names: [], siteNames: [name] });
  // Not below the lab's folder: unix sockets have short names (unix(7): 108 bytes).
  const root = makeTestFolder('pp-');
  const folder = homeFolder({ POSTERN_HOME: root });
  let daemon: Daemon | undefined;
  const stop = async (): Promise<void> => {
    try {
      await daemon?.stop();
    } finally {
      await lab.stop();
      await rm(root, { recursive: true, force: true });
    }
  };
  try {
    await prepareHome(folder, lab, name);
    const config = configOf(lab, options);
    const { promise: admin, resolve: giveAdmin } = Promise.withResolvers<AuthAdmin>();
    const parts = options.parts?.(realParts) ?? realParts;
    daemon = await startDaemon({
      version: 'test',
      configPath: folder.configFile,
      folder,
      config,
      env: process.env,
      clock: systemClock,
      log: silentLog,
      parts: {
        ...parts,
        // In the lab home and visitor share this machine, so that its addresses are the visitor's as well.
        startEdge: (edgeOptions) => parts.startEdge({ ...edgeOptions, isOwnAddress: () => false }),
        openLogin: async (loginOptions) => {
          const login = await parts.openLogin(loginOptions);
          await login.admin.addUser({ name: USER, password: PASSWORD });
          giveAdmin(login.admin);
          return login;
        },
      },
    });
    return {
      name,
      origin: `https://${name}`,
      address: lab.address.relayForClient,
      ca: await readFile(certificateFile(folder, lab, name, tls), 'utf8'),
      user: USER,
      password: PASSWORD,
      lab,
      folder,
      config,
      daemon,
      admin: await admin,
      becomes: (state, withinMs = 20_000) => becomes(daemon as Daemon, state, withinMs),
      cutLink: () => cutLink(lab, daemon as Daemon),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function becomes(daemon: Daemon, state: 'open' | 'shut', withinMs: number): Promise<void> {
  await waitFor(`the service is ${state}`, withinMs, () => {
    const { connections, services } = daemon.status();
    const isUp = connections.every((one) => one.state === 'up');
    return isUp && services.every(({ isOpen }) => isOpen === (state === 'open'));
  });
}

async function cutLink(lab: Lab, daemon: Daemon): Promise<void> {
  const before = daemon.status().connections.map(({ restarts }) => restarts);
  await lab.faults.killSessions();
  await waitFor('every connection is a new one', 20_000, () =>
    daemon
      .status()
      .connections.every(({ state, restarts }, index) => state === 'up' && restarts > (before[index] ?? 0)),
  );
}

async function prepareHome(folder: HomeFolder, lab: Lab, name: string): Promise<void> {
  await makeHomeFolder(folder);
  await copyFile(join(lab.folder, 'key'), join(folder.ssh, 'id_ed25519'));
  await copyFile(lab.relay.knownHostsFile, join(folder.ssh, 'known_hosts'));
  const [key, cert] = [join(folder.certs, 'key.pem'), join(folder.certs, 'cert.pem')];
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30'.split(' ');
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  await must(runProcess('openssl', request.concat(subject, '-keyout', key, '-out', cert)));
}

function certificateFile(folder: HomeFolder, lab: Lab, name: string, tls: 'home' | 'relay'): string {
  return tls === 'home'
    ? join(folder.certs, 'cert.pem')
    : lab.relayPath(`/etc/letsencrypt/live/${name}/fullchain.pem`);
}

function configOf(lab: Lab, options: PublishOptions): Config {
  const { name, to, kind = 'web', tls = 'home', auth = 'login', allow = [] } = options;
  const certificate = { cert: 'certs/cert.pem', key: 'certs/key.pem' };
  return configSchema.parse({
    home: lab.home,
    relay: { host: lab.relay.host, port: lab.relay.port },
    services: [{ name, to, kind, tls, auth, allow, ...(tls === 'home' ? { certificate } : {}) }],
  });
}
