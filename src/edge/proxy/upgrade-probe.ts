import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { UpgradeAnswer } from '../contract.ts';
import { UPGRADE_LINES, isAcceptedBy } from '../request/websocket.ts';
import { type FirstMessage, readFirstMessage } from './first-message.ts';
import { type ProbeHandler, type ProbeRequest, ask, writeStrangerHead } from './probe.ts';
import type { ResponseHead } from './response-head.ts';
import type { ServiceConnection } from './service-connection.ts';

/** A masked close frame without a word (RFC 6455 §5.5.1). */
const CLOSE_FRAME = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);

/**
 * Opens a WebSocket to a service as a stranger's handshake would be passed on, reads what the service says first, and
 * closes it again.
 * @throws EDGE_SERVICE_DOWN
 */
export function openAsStranger(probe: ProbeRequest): Promise<UpgradeAnswer> {
  const key = randomBytes(16).toString('base64');
  const passed = `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
  const head = writeStrangerHead(probe, passed, UPGRADE_LINES);
  return ask<UpgradeAnswer>(
    probe,
    { head, isUpgrade: true },
    (resolve, reject) => new Opener(key, resolve, reject),
  );
}

/** Waits for the first message on a WebSocket, or for the answer that refuses it. */
class Opener implements ProbeHandler {
  readonly #key: string;
  readonly #resolve: (answer: UpgradeAnswer) => void;
  readonly #reject: (error: Error) => void;
  #socket: Socket | undefined;
  connection: ServiceConnection | undefined;

  constructor(key: string, resolve: (answer: UpgradeAnswer) => void, reject: (error: Error) => void) {
    this.#key = key;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onInformational(): void {}
  onBody(): void {}
  onEnd(): void {}
  onFlush(): void {}
  onUploadDrain(): void {}

  onHead({ status }: ResponseHead): void {
    this.connection?.abort();
    this.#resolve({ status, firstMessage: undefined });
  }

  onSwitch(head: ResponseHead, socket: Socket, rest: Buffer): void {
    this.#socket = socket;
    socket.on('error', () => {});
    if (!isAcceptedBy(head, this.#key)) return this.#finish(undefined);
    let received = rest;
    const read = (): void => {
      const message: FirstMessage = readFirstMessage(received);
      if (message.kind !== 'more') this.#finish(message.kind === 'text' ? message.text : undefined);
    };
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      read();
    });
    socket.once('close', () => this.#finish(undefined));
    read();
    if (!socket.destroyed) socket.resume();
  }

  onFailure(error: Error): void {
    this.#reject(error);
  }

  onTimeout(): boolean {
    if (this.#socket === undefined) return false;
    this.#finish(undefined);
    return true;
  }

  #finish(firstMessage: string | undefined): void {
    const socket = this.#socket as Socket;
    socket.removeAllListeners('data');
    socket.removeAllListeners('close');
    if (socket.writable) socket.write(CLOSE_FRAME);
    socket.destroySoon();
    this.#resolve({ status: 101, firstMessage });
  }
}
