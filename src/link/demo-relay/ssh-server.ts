import type { AuthContext, Connection, ParsedKey, ServerChannel, Session as SshSession } from 'ssh2';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type HomeId, accountOf, sessionCommandOf, socketOf } from '../../core/relay-layout.ts';
import {
  type LoopbackServer,
  type LoopbackSocket,
  listenOnLoopback,
} from '../../platform/loopback-server.ts';
import { SessionTable, startSession } from './session.ts';
import type { SlotTable, WayHome } from './slots.ts';
import { ssh2 } from './ssh2.ts';

/** Slots that the session script knows. */
const MAX_SLOTS = 8;
/** Time from the first byte to a verified key; sshd's LoginGraceTime, shorter since nothing is far here. */
const LOGIN_MS = 10_000;
const MAX_CONNECTIONS = 32;

export interface SshServerOptions {
  readonly home: HomeId;
  /** The one key that may come in, in the form of authorized_keys. */
  readonly clientPublicKey: string;
  /** The server's own key, OpenSSH's private form. */
  readonly hostKey: string;
  readonly slots: SlotTable;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The sshd of the embedded relay: on loopback only, one account, one key, one session for each connection that speaks
 * the session protocol, and the unix-socket forwards of the account's slots. The sockets are names, never files.
 * Everything else that SSH can do is refused.
 */
export async function startSshServer(options: SshServerOptions): Promise<LoopbackServer> {
  const clientKey = parsePublicKey(options.clientPublicKey);
  const sessions = new SessionTable();
  const arrivals = new Map<number, Arrival>();
  const server = new ssh2.Server({ hostKeys: [options.hostKey], ident: 'Postern-Demo' });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (client, info) => {
    const arrival = arrivals.get(info.port);
    if (arrival) serveConnection({ client, arrival, clientKey, sessions, options });
  });
  return await listenOnLoopback(0, (socket) => {
    const { remotePort } = socket;
    if (remotePort === undefined) return socket.destroy();
    const login = options.clock.after(LOGIN_MS, () => socket.destroy());
    arrivals.set(remotePort, { socket, login });
    // Half-open connections are for visitors; an ssh client that ends its side is gone.
    socket.once('end', () => socket.end());
    socket.once('close', () => {
      login.cancel();
      arrivals.delete(remotePort);
    });
    server.injectSocket(socket);
  });
}

/** A connection as it came in; ssh2 tells later which client it has become, by the remote port. */
interface Arrival {
  readonly socket: LoopbackSocket;
  readonly login: Timer;
}

interface ServedConnection {
  readonly client: Connection;
  readonly arrival: Arrival;
  readonly clientKey: ParsedKey;
  readonly sessions: SessionTable;
  readonly options: SshServerOptions;
}

function serveConnection(served: ServedConnection): void {
  const { client, arrival, options } = served;
  client.on('error', (error) =>
    options.log.debug({ reason: error.message }, 'demo relay: ssh connection ended'),
  );
  client.on('authentication', (context) => {
    if (isOurKey(context, served)) context.accept();
    else context.reject(['publickey']);
  });
  client.once('ready', () => arrival.login.cancel());
  serveForwards(served);
  let hasSession = false;
  client.on('session', (accept, reject) => {
    if (hasSession) return reject();
    hasSession = true;
    serveSession(accept(), served);
  });
}

/** The account and the key must be ours; a signature is asked for after the key was named (RFC 4252 §7). */
function isOurKey(context: AuthContext, { clientKey, options }: ServedConnection): boolean {
  if (context.username !== accountOf(options.home) || context.method !== 'publickey') return false;
  if (context.key.algo !== clientKey.type || !clientKey.getPublicSSH().equals(context.key.data)) return false;
  if (context.signature === undefined) return true;
  return (
    context.blob !== undefined && clientKey.verify(context.blob, context.signature, context.hashAlgo) === true
  );
}

/** Unix sockets of the account's slots are bound; TCP ports and every other path are refused. */
function serveForwards({ client, options }: ServedConnection): void {
  const bound = new Map<number, WayHome>();
  client.on(
    'request',
    (accept: (() => void) | undefined, reject: (() => void) | undefined, name: string, info: object) => {
      const path = 'socketPath' in info ? String(info.socketPath) : '';
      const slot = slotOf(path, options.home);
      if (slot === undefined || client.authenticated !== true) return reject?.();
      if (name === 'streamlocal-forward@openssh.com') {
        const way = wayThrough(client, path);
        bound.set(slot, way);
        options.slots.bind(slot, way);
        return accept?.();
      }
      if (name === 'cancel-streamlocal-forward@openssh.com') {
        const way = bound.get(slot);
        if (way) options.slots.unbind(slot, way);
        return accept?.();
      }
      return reject?.();
    },
  );
  client.once('close', () => bound.forEach((way, slot) => options.slots.unbind(slot, way)));
}

function slotOf(path: string, home: HomeId): number | undefined {
  for (let slot = 1; slot <= MAX_SLOTS; slot++) if (path === socketOf(home, slot, 'tls')) return slot;
  return undefined;
}

function wayThrough(client: Connection, path: string): WayHome {
  return {
    open: (callback) => {
      client.openssh_forwardOutStreamLocal(path, (error, channel) => callback(error ?? undefined, channel));
    },
  };
}

/** Only `link 1` … `link 8` is run; a shell, a subsystem, a pty or another command is refused. */
function serveSession(session: SshSession, served: ServedConnection): void {
  session.once('exec', (accept, _reject, { command }) => {
    const slot = commandSlot(command);
    if (slot === undefined) {
      const channel = accept();
      channel.stderr.write('postern: refused\n');
      channel.exit(64);
      return channel.end();
    }
    runSession(accept(), slot, served);
  });
}

function commandSlot(command: string): number | undefined {
  for (let slot = 1; slot <= MAX_SLOTS; slot++) if (command === sessionCommandOf(slot)) return slot;
  return undefined;
}

function runSession(
  channel: ServerChannel,
  slot: number,
  { client, arrival, sessions, options }: ServedConnection,
): void {
  const peer = {
    write: (line: string) => void (channel.writable && channel.write(line)),
    end: () => arrival.socket.destroy(),
  };
  const session = startSession(slot, peer, sessions, options.clock);
  channel.on('data', (bytes: Uint8Array) => session.receive(bytes));
  channel.on('error', () => {});
  channel.once('end', () => channel.end());
  client.once('close', () => session.closed());
  options.log.debug({ slot }, 'demo relay: session');
}

function parsePublicKey(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

/**
 * A new ed25519 key pair in OpenSSH's own forms.
 * About one in 250 that ssh2 1.17 writes cannot be read back (by ssh2 itself: "Malformed OpenSSH private key"): those are made again.
 */
export function generateSshKey(comment: string): { readonly privateKey: string; readonly publicKey: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    const isReadable = !(ssh2.utils.parseKey(pair.private) instanceof Error);
    if (isReadable) return { privateKey: pair.private, publicKey: pair.public };
  }
}
