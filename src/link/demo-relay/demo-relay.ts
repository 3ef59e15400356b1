/**
 * The relay of `postern demo` and of tests: an sshd and an nginx stream in one process, on loopback only.
 * It plays exactly the parts of a real relay (docs/how-it-works.md) and can read no more than one: server names.
 */
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type HomeId, accountOf } from '../../core/relay-layout.ts';
import { SlotTable } from './slots.ts';
import { startSplice } from './splice.ts';
import { generateSshKey, startSshServer } from './ssh-server.ts';

export interface DemoRelayOptions {
  /** Names the account and the forwards, as on a real relay. */
  readonly home: HomeId;
  /** The public names that are led home, lower case. */
  readonly serverNames: readonly string[];
  /** Where visitors arrive, on 127.0.0.1 and [::1]; 0 for any free port. */
  readonly httpsPort: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface DemoRelay {
  readonly account: string;
  /** On 127.0.0.1. */
  readonly sshPort: number;
  readonly httpsPort: number;
  /** The relay's host key, as known_hosts has it behind the name. */
  readonly hostKey: string;
  /** The one private key that may come in, OpenSSH's form; made for this run. */
  readonly clientPrivateKey: string;
  /** Cuts every connection and stops listening. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded relay with keys made for this run alone.
 * @throws the system's error when the port cannot be had (EADDRINUSE, EACCES)
 */
export async function startDemoRelay(options: DemoRelayOptions): Promise<DemoRelay> {
  const hostKey = generateSshKey('postern demo relay');
  const clientKey = generateSshKey('postern demo');
  const slots = new SlotTable();
  const sshd = await startSshServer({
    home: options.home,
    clientPublicKey: clientKey.publicKey,
    hostKey: hostKey.privateKey,
    slots,
    clock: options.clock,
    log: options.log,
  });
  const splice = await startSplice({
    port: options.httpsPort,
    serverNames: new Set(options.serverNames),
    slots,
    clock: options.clock,
  }).catch(async (error: unknown) => {
    await sshd.close();
    throw error;
  });
  return {
    account: accountOf(options.home),
    sshPort: sshd.port,
    httpsPort: splice.port,
    hostKey: hostKey.publicKey,
    clientPrivateKey: clientKey.privateKey,
    stop: async () => {
      await Promise.all([sshd.close(), splice.close()]);
    },
  };
}
