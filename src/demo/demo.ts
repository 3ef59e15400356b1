/**
 * `postern demo`: a whole Postern on one machine. The daemon and the ssh client are the real ones, and so is the way of
 * a request (docs/how-it-works.md); only the relay is played by a part of this process, and the certificate comes from
 * an authority that lives as long as the demo.
 */
import { join } from 'node:path';
import { type Config, configSchema } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Log } from '../core/log.ts';
import { urlOf } from '../daemon/compose.ts';
import { type Daemon, startDaemon } from '../daemon/lifecycle.ts';
import { SIGN_IN_PATH } from '../edge/auth/places.ts';
import { type DemoRelay, startDemoRelay } from '../link/demo-relay/demo-relay.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { type HomeFolder, homeFolder, makeHomeFolder } from '../platform/home-folder.ts';
import { runProcess } from '../platform/processes.ts';
import { makeTemporaryFolder } from '../platform/temporary-folder.ts';
import { type DemoCertificate, makeDemoCertificate } from './certificate.ts';
import { DemoLogin } from './login.ts';
import { waitUntilThrough } from './ready.ts';
import { recognizeKind } from './recognize.ts';
import { provideService } from './service.ts';
import { UndoList } from './undo-list.ts';

const HOME = 'demo';
/** Browsers and curl lead every name below .localhost to this machine without asking anybody (RFC 6761 §6.3). */
export const DEMO_NAME = 'chat.localhost';
const USER = 'owner';

export type ServiceKind = 'web' | 'openclaw';

export interface DemoOptions {
  /** A service that runs already; `undefined`: the sample assistant. */
  readonly to: string | undefined;
  /** `undefined`: an OpenClaw gateway is recognised. */
  readonly kind: ServiceKind | undefined;
  /** Where visitors arrive; 0 for any free port. */
  readonly port: number;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Demo {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** PEM file of the throw-away authority. */
  readonly ca: string;
  /** The demo's folder: what `POSTERN_HOME` has to be for other commands to find this demo. */
  readonly folder: string;
  readonly signInUrl: string;
  /** A file with user and password as a form, so that a command line need not hold them. */
  readonly signInForm: string;
  readonly kind: ServiceKind;
  readonly daemon: Daemon;
  /** Codes of browsers that wait for an approval. */
  listWaiting(): Promise<readonly string[]>;
  /** Ends every process, socket and file of the demo. May be called any number of times. */
  stop(): Promise<void>;
}

/**
 * Starts a demo; when it resolves, a visitor gets through.
 * @param signal ends a start that is under way
 * @throws SSH_NOT_FOUND, DEMO_PORT_TAKEN, DEMO_PORT_DENIED, DEMO_TARGET_DOWN, DEMO_NOT_READY; nothing is left behind
 */
export async function startDemo(options: DemoOptions, signal: AbortSignal): Promise<Demo> {
  const undo = new UndoList();
  try {
    return await build(options, undo, signal);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function build(options: DemoOptions, undo: UndoList, signal: AbortSignal): Promise<Demo> {
  const { clock, log, env, version } = options;
  const [certificate] = await Promise.all([makeDemoCertificate(DEMO_NAME, clock.nowMs()), requireSsh()]);
  const folder = await makeDemoFolder(undo);
  const relay = await startRelay(options);
  undo.add(() => relay.stop());
  const url = urlOf(DEMO_NAME, relay.httpsPort);
  const publicHost = new URL(url).host;
  const to = await provideService({ to: options.to, runFolder: folder.run, publicHost, clock, undo });
  const kind = options.kind ?? (options.to === undefined ? 'web' : await recognizeKind(to));
  const config = makeConfig(relay, to, kind);
  const ca = await writeLinkFiles(folder, relay, certificate);
  signal.throwIfAborted();
  const login = new DemoLogin(USER);
  const daemon = await startDaemon({
    config,
    configPath: folder.configFile,
    folder,
    env,
    clock,
    log,
    version,
    parts: login.daemonParts,
  });
  undo.add(() => daemon.stop());
  await waitUntilThrough({ daemon, port: relay.httpsPort, name: DEMO_NAME, certificate, clock, signal });
  const { password } = login;
  const signInForm = join(folder.root, 'sign-in');
  await writeFileAtomically(signInForm, new URLSearchParams({ user: USER, password }).toString(), 0o600);
  return {
    url,
    user: USER,
    password,
    ca,
    signInForm,
    kind,
    daemon,
    folder: folder.root,
    signInUrl: `${url}${SIGN_IN_PATH}`,
    listWaiting: () => login.listWaiting(),
    stop: () => undo.run(),
  };
}

/** @throws SSH_NOT_FOUND */
async function requireSsh(): Promise<void> {
  const { startError } = await runProcess('ssh', ['-V'], { timeoutMs: 5000 });
  if (startError === 'ENOENT') throw new PosternError('SSH_NOT_FOUND');
}

async function makeDemoFolder(undo: UndoList): Promise<HomeFolder> {
  const temporary = await makeTemporaryFolder('postern-demo-');
  undo.add(() => temporary.remove());
  const folder = homeFolder({ POSTERN_HOME: temporary.path });
  await makeHomeFolder(folder);
  return folder;
}

async function startRelay({ port, clock, log }: DemoOptions): Promise<DemoRelay> {
  try {
    return await startDemoRelay({ home: HOME, serverNames: [DEMO_NAME], httpsPort: port, clock, log });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new PosternError('DEMO_PORT_TAKEN', { port }, error);
    if (code === 'EACCES') throw new PosternError('DEMO_PORT_DENIED', { port }, error);
    throw error;
  }
}

/** The configuration that a person would write for this relay; every default is the schema's. */
function makeConfig(relay: DemoRelay, to: string, kind: ServiceKind): Config {
  return configSchema.parse({
    home: HOME,
    relay: { host: '127.0.0.1', port: relay.sshPort, hostKey: relay.hostKey, httpsPort: relay.httpsPort },
    services: [{ name: DEMO_NAME, to, kind, certificate: { cert: 'certs/chat.pem', key: 'certs/chat.key' } }],
  });
}

/** What the daemon reads from files: the link's key, the certificate. @returns the authority's file, for visitors */
async function writeLinkFiles(
  folder: HomeFolder,
  relay: DemoRelay,
  certificate: DemoCertificate,
): Promise<string> {
  const ca = join(folder.root, 'ca.pem');
  await writeFileAtomically(join(folder.ssh, 'id_ed25519'), relay.clientPrivateKey, 0o600);
  await writeFileAtomically(join(folder.certs, 'chat.pem'), certificate.pair.cert, 0o600);
  await writeFileAtomically(join(folder.certs, 'chat.key'), certificate.pair.key, 0o600);
  await writeFileAtomically(ca, certificate.authority, 0o600);
  return ca;
}
