import { type ErrorCode, ERRORS, PosternError } from '../../core/errors/index.ts';
import { requestLocalHttp } from '../../platform/control-transport.ts';
import type { HomeFolder } from '../../platform/home-folder.ts';
import { isSameProcess } from '../../platform/processes.ts';
import type { CertificateStatus, DaemonStatus, GuardAnswer } from '../contract.ts';
import { type Announcement, identityOf, readAnnouncement } from './announcement.ts';
import { CONTROL_HOST } from './names.ts';

const TIMEOUT_MS = 5000;

/** The running daemon, as other programs of this user speak to it. */
export class ControlClient {
  readonly #announcement: Announcement;
  readonly #timeoutMs: number;

  constructor(announcement: Announcement, timeoutMs = TIMEOUT_MS) {
    this.#announcement = announcement;
    this.#timeoutMs = timeoutMs;
  }

  get pid(): number {
    return this.#announcement.pid;
  }

  /** Is its process still there? */
  isAlive(): Promise<boolean> {
    return isSameProcess(identityOf(this.#announcement));
  }

  status(): Promise<DaemonStatus> {
    return this.call('GET', '/v1/status') as Promise<DaemonStatus>;
  }

  /** @param isAtOnce without the time that running requests get */
  async stop(isAtOnce: boolean): Promise<void> {
    await this.call('POST', '/v1/stop', { isAtOnce });
  }

  async certificates(): Promise<readonly CertificateStatus[]> {
    return certificatesIn(await this.call('GET', '/v1/certificates'));
  }

  /** @param name `undefined`: every name. @throws what the order throws */
  async renewCertificates(
    name: string | undefined,
    isRehearsal: boolean,
  ): Promise<readonly CertificateStatus[]> {
    const input = { isRehearsal, ...(name === undefined ? {} : { name }) };
    return certificatesIn(await this.call('POST', '/v1/certificates/renew', input));
  }

  /** The daemon starts no new ssh for a minute, so that a successor can take the names over. */
  async beginHandOver(): Promise<void> {
    await this.call('POST', '/v1/hand-over', { step: 'begin' });
  }

  async cancelHandOver(): Promise<void> {
    await this.call('POST', '/v1/hand-over', { step: 'cancel' });
  }

  /** Shuts a service whose login does not hold; the daemon opens it again when it does. */
  async shutService(service: string, answer: string): Promise<boolean> {
    const told = (await this.call('POST', '/v1/services/shut', { service, answer })) as { isShut?: unknown };
    return told?.isShut === true;
  }

  /** Lets the guard of a service look now. */
  lookAtService(service: string): Promise<GuardAnswer> {
    return this.call('POST', '/v1/services/look', { service }) as Promise<GuardAnswer>;
  }

  /**
   * One call of the control API.
   * @throws DAEMON_NOT_RUNNING (nobody listens), DAEMON_SILENT (no answer in time), or the error that the daemon answered
   */
  async call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
    const { address, token, pid } = this.#announcement;
    const answer = await requestLocalHttp({
      address,
      method,
      path,
      timeoutMs: this.#timeoutMs,
      headers: {
        host: CONTROL_HOST,
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.kind !== 'answer') {
      throw answer.kind === 'absent'
        ? new PosternError('DAEMON_NOT_RUNNING')
        : new PosternError('DAEMON_SILENT', { pid, reason: answer.reason });
    }
    return readAnswer(answer.status, answer.body);
  }
}

/**
 * The daemon of this home.
 * @param timeoutMs for each call
 * @throws DAEMON_NOT_RUNNING when none has announced itself
 */
export async function connectToDaemon(folder: HomeFolder, timeoutMs?: number): Promise<ControlClient> {
  const announcement = await readAnnouncement(folder);
  if (!announcement) throw new PosternError('DAEMON_NOT_RUNNING');
  return new ControlClient(announcement, timeoutMs);
}

function certificatesIn(answer: unknown): readonly CertificateStatus[] {
  return (answer as { certificates: readonly CertificateStatus[] }).certificates;
}

function readAnswer(status: number, text: string): unknown {
  let body: unknown;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new PosternError('DAEMON_REFUSED', { reason: `it answered ${status} and no JSON` });
  }
  if (status >= 200 && status < 300) return body;
  throw errorOf(status, body);
}

/** The daemon's error with its own code and words, when this program knows the code. */
function errorOf(status: number, body: unknown): PosternError {
  const error = (body as { error?: { code?: unknown; details?: unknown; what?: unknown } } | undefined)
    ?.error;
  if (typeof error?.code === 'string' && error.code in ERRORS) {
    return new PosternError(error.code as ErrorCode, (error.details ?? {}) as Record<string, string>);
  }
  return new PosternError('DAEMON_REFUSED', { reason: `status ${status}` });
}
