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
  const { service, options } = probe;
  const host = options.publicPort === 443 ? service.name : `${service.name}:${options.publicPort}`;
  const head = new RequestHead('GET', probe.path, []);
  head.passed = 'Accept: */*\r\n';
  const credentials = { cookie: undefined, authorization: undefined };
  const text = writeServiceHead(head, host, stampForwarded('unknown', host), credentials, '');
  return new Promise((resolve, reject) => {
    const down = (cause: Error): void =>
      reject(
        new PosternError(
          'EDGE_SERVICE_DOWN',
          { service: service.name, target: describe(service.target) },
          cause,
        ),
      );
    const collector = new Collector(resolve, down);
    const timer = options.clock.after(probe.timeoutMs, () => {
      connection?.abort();
      down(new Error('timed out'));
    });
    collector.onSettled = () => timer.cancel();
    let connection: ServiceConnection | undefined;
    try {
      // A kept connection may be stale: this answer decides whether a service stays open.
      connection = probe.pool.send(
        { head: text, method: 'GET', framing: 'none', isUpgrade: false },
        collector,
        true,
      );
      collector.connection = connection;
    } catch (error) {
      timer.cancel();
      down(error instanceof Error ? error : new Error('not sent'));
    }
  });
}

/** Gathers one answer, the beginning of its body at most. */
class Collector implements AnswerHandler {
  readonly #resolve: (answer: ProbeAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  connection: ServiceConnection | undefined;
  onSettled: () => void = () => {};

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
    this.onSettled();
    this.#resolve({ status: this.#status, body: Buffer.concat(this.#chunks).toString('utf8') });
  }

  onFlush(): void {}
  onUploadDrain(): void {}

  onSwitch(_head: ResponseHead, socket: Socket): void {
    socket.destroy();
  }

  onFailure(error: Error): void {
    this.onSettled();
    this.#reject(error);
  }
}

function describe(target: Target): string {
  return target.kind === 'unix'
    ? `unix:${target.path}`
    : `${target.tls ? 'https' : 'http'}://${target.host}:${target.port}`;
}
