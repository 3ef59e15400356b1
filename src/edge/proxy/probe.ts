import type { Socket } from 'node:net';
import { PosternError } from '../../core/errors/index.ts';
import type { EdgeOptions, EdgeService, ProbeAnswer, Target } from '../contract.ts';
import { stampForwarded, writeServiceHead } from '../request/forwarded.ts';
import { RequestHead } from '../request/request-head.ts';
import type { ResponseHead } from './response-head.ts';
import type { AnswerHandler, ServiceConnection } from './service-connection.ts';
import type { ServicePool } from './service-pool.ts';

const MAX_BODY_BYTES = 65_536;

export interface ProbeRequest {
  readonly service: EdgeService;
  readonly pool: ServicePool;
  readonly path: string;
  readonly timeoutMs: number;
  readonly options: EdgeOptions;
}

/**
 * Asks a service as a stranger's request would be passed on: the same head, by the same code, without credentials.
 * @throws EDGE_SERVICE_DOWN
 */
export function askAsStranger(probe: ProbeRequest): Promise<ProbeAnswer> {
  const head = writeStrangerHead(probe, 'Accept: */*\r\n', '');
  return ask<ProbeAnswer>(
    probe,
    { head, isUpgrade: false },
    (resolve, reject) => new Collector(resolve, reject),
  );
}

/** A stranger's GET, as `Exchange.forward` would pass it on. @param passed the visitor's own fields, as lines */
export function writeStrangerHead(probe: ProbeRequest, passed: string, hop: string): string {
  const { service, options } = probe;
  const host = options.publicPort === 443 ? service.name : `${service.name}:${options.publicPort}`;
  const head = new RequestHead('GET', probe.path, []);
  head.passed = passed;
  const credentials = { cookie: undefined, authorization: undefined };
  return writeServiceHead(head, host, stampForwarded('unknown', host), credentials, hop);
}

/** What waits for an answer; `connection` is set once the request is on its way. */
export interface ProbeHandler extends AnswerHandler {
  connection: ServiceConnection | undefined;
  /** The time is up. @returns false when there is no answer at all */
  onTimeout(): boolean;
}

/**
 * Sends a GET and waits for what `makeHandler`'s handler makes of the answer.
 * @throws EDGE_SERVICE_DOWN
 */
export function ask<T>(
  probe: ProbeRequest,
  request: { readonly head: string; readonly isUpgrade: boolean },
  makeHandler: (resolve: (answer: T) => void, reject: (error: Error) => void) => ProbeHandler,
): Promise<T> {
  const { service, options } = probe;
  return new Promise<T>((resolve, reject) => {
    const down = (cause: Error): void => {
      timer.cancel();
      const details = { service: service.name, target: describe(service.target) };
      reject(new PosternError('EDGE_SERVICE_DOWN', details, cause));
    };
    const handler = makeHandler((answer) => {
      timer.cancel();
      resolve(answer);
    }, down);
    const timer = options.clock.after(probe.timeoutMs, () => {
      handler.connection?.abort();
      if (!handler.onTimeout()) down(new Error('timed out'));
    });
    try {
      // A kept connection may be stale: this answer decides whether a service stays open.
      handler.connection = probe.pool.send({ ...request, method: 'GET', framing: 'none' }, handler, true);
    } catch (error) {
      down(error instanceof Error ? error : new Error('not sent'));
    }
  });
}

/** Gathers one answer, the beginning of its body at most. */
class Collector implements ProbeHandler {
  readonly #resolve: (answer: ProbeAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  connection: ServiceConnection | undefined;

  constructor(resolve: (answer: ProbeAnswer) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onInformational(): void {}

  onHead(head: ResponseHead): void {
    this.#status = head.status;
  }

  onBody(chunk: Buffer): void {
    this.#chunks.push(chunk.subarray(0, MAX_BODY_BYTES - this.#bytes));
    this.#bytes += chunk.length;
    if (this.#bytes < MAX_BODY_BYTES) return;
    this.connection?.abort();
    this.onEnd();
  }

  onEnd(): void {
    this.#resolve({ status: this.#status, body: Buffer.concat(this.#chunks).toString('utf8') });
  }

  onFlush(): void {}
  onUploadDrain(): void {}

  onSwitch(_head: ResponseHead, socket: Socket): void {
    socket.destroy();
  }

  onFailure(error: Error): void {
    this.#reject(error);
  }

  onTimeout(): boolean {
    return false;
  }
}

function describe(target: Target): string {
  return target.kind === 'unix'
    ? `unix:${target.path}`
    : `${target.tls ? 'https' : 'http'}://${target.host}:${target.port}`;
}
