import { type Clock, sleep } from '../../../core/clock.ts';
import { PosternError } from '../../../core/errors/index.ts';
import type { AcmeAccount } from './account.ts';
import type { AcmeAnswer } from './client.ts';

const FIRST_MS = 250;
const MOST_MS = 5000;
/** An authority that names a later time is asked then, but it does not stop us for an hour. */
const MOST_RETRY_AFTER_MS = 60_000;
const GIVE_UP_MS = 5 * 60_000;

/**
 * Asks for a resource until it has changed (RFC 8555 §7.5.1): Retry-After is honoured, else the pauses double.
 * @returns the first answer that `isDone` accepts
 * @throws ACME_UNREACHABLE after five minutes, and what `AcmeAccount.post` throws
 */
export async function pollUntil(
  account: AcmeAccount,
  url: string,
  isDone: (answer: AcmeAnswer) => boolean,
): Promise<AcmeAnswer> {
  const { clock, signal } = account.client.options;
  const giveUpAtMs = clock.monotonicMs() + GIVE_UP_MS;
  for (let pauseMs = FIRST_MS; ; pauseMs = Math.min(MOST_MS, pauseMs * 2)) {
    const answer = await account.fetch(url);
    if (isDone(answer)) return answer;
    if (clock.monotonicMs() >= giveUpAtMs) {
      throw new PosternError('ACME_UNREACHABLE', { url, reason: 'it came to no end within five minutes' });
    }
    await pause(clock, answer.retryAfterMs ?? pauseMs, signal);
  }
}

function pause(clock: Clock, wantedMs: number, signal: AbortSignal | undefined): Promise<void> {
  return sleep(clock, Math.min(MOST_RETRY_AFTER_MS, Math.max(FIRST_MS, wantedMs)), signal);
}
