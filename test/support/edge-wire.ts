import type { Duplex } from 'node:stream';
import { waitFor } from './wait-for.ts';

/** One answer as it stood on the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Reads answers of HTTP/1.1 off a socket, one after the other. */
export class Wire {
  readonly socket: Duplex;
  text = '';
  isEnded = false;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    socket.on('end', () => (this.isEnded = true));
    socket.on('close', () => (this.isEnded = true));
    socket.on('error', () => (this.isEnded = true));
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** @param hasNoBody the answer to a HEAD request */
  async answer(hasNoBody = false): Promise<WireAnswer> {
    return waitFor(`an answer, got ${JSON.stringify(this.text)}`, 5000, () => {
      const answer = this.#take(hasNoBody);
      if (!answer && this.isEnded) throw new Error(`closed without an answer: ${JSON.stringify(this.text)}`);
      return answer;
    });
  }

  async ended(timeoutMs = 5000): Promise<void> {
    await waitFor('the end of the connection', timeoutMs, () => this.isEnded);
  }

  #take(hasNoBody: boolean): WireAnswer | undefined {
    const end = this.text.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.text.slice(0, end);
    const status = Number(head.slice(9, 12));
    const rest = this.text.slice(end + 4);
    const body =
      hasNoBody || status < 200 || status === 204 || status === 304 ? '' : bodyOf(head, rest, this.isEnded);
    if (body === undefined) return undefined;
    const length = /transfer-encoding: chunked/i.test(head) ? rest.length : body.length;
    this.text = rest.slice(length);
    return { status, head, body };
  }
}

function bodyOf(head: string, rest: string, isEnded: boolean): string | undefined {
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length !== undefined) return rest.length >= Number(length) ? rest.slice(0, Number(length)) : undefined;
  if (/transfer-encoding: chunked/i.test(head))
    return /(?:^|\r\n)0\r\n(?:.+\r\n)*\r\n$/.test(rest) ? rest : undefined;
  return isEnded ? rest : undefined;
}

/** A request of somebody who has signed in. */
export function signedInRequest(line: string, fields: readonly string[] = [], body = ''): string {
  const head = [`${line} HTTP/1.1`, 'Host: chat.localhost', 'Cookie: __Host-test=s1', ...fields];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
