import { X509Certificate } from 'node:crypto';
import { type Clock, sleep } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import type { Daemon } from '../daemon/lifecycle.ts';
import { SIGN_IN_PATH } from '../edge/auth/places.ts';
import { requestOverTls } from '../platform/tls-request.ts';
import type { DemoCertificate } from './certificate.ts';

const READY_MS = 20_000;
const REQUEST_MS = 2000;
const AGAIN_MS = 20;

/**
 * Resolves when every connection of the link is up and a visitor gets from the relay to the sign-in and back.
 * @throws DEMO_NOT_READY with the last reason; the signal's reason when that aborts first
 */
export async function waitUntilThrough(options: {
  readonly daemon: Daemon;
  readonly port: number;
  readonly name: string;
  readonly certificate: DemoCertificate;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { daemon, clock, signal } = options;
  const deadlineMs = clock.monotonicMs() + READY_MS;
  for (;;) {
    const why = whyNotUp(daemon) ?? (await whyNotThrough(options));
    if (why === undefined) return;
    if (clock.monotonicMs() > deadlineMs) {
      throw new PosternError('DEMO_NOT_READY', { seconds: READY_MS / 1000, reason: why });
    }
    await sleep(clock, AGAIN_MS, signal);
  }
}

function whyNotUp(daemon: Daemon): string | undefined {
  const waiting = daemon.status().connections.find(({ state }) => state !== 'up');
  return (
    waiting && `connection ${waiting.slot} is ${waiting.state}: ${waiting.lastError?.text ?? 'no error yet'}`
  );
}

async function whyNotThrough(options: {
  readonly port: number;
  readonly name: string;
  readonly certificate: DemoCertificate;
  readonly signal: AbortSignal;
}): Promise<string | undefined> {
  const { fingerprint256 } = new X509Certificate(options.certificate.pair.cert);
  const answer = await requestOverTls({
    host: '127.0.0.1',
    port: options.port,
    serverName: options.name,
    path: SIGN_IN_PATH,
    timeoutMs: REQUEST_MS,
    signal: options.signal,
    judgeCertificate: (shown) =>
      shown.fingerprint256 === fingerprint256 ? undefined : 'a foreign certificate',
  });
  return answer.ok ? undefined : answer.reason;
}
