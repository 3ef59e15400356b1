import type { ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import { type Clock, sleep } from '../core/clock.ts';
import { type Visitor, answerTo, piecesOf } from './script.ts';

/** Pause between two pieces of an answer. */
const PIECE_MS = 30;
/** Most characters of a question. */
export const MAX_QUESTION_LENGTH = 1000;

/**
 * What the page gets, over either way of streaming.
 * piece  a part of the answer
 * done   the answer is complete
 * error  the question was refused
 */
export type ChatEvent =
  | { readonly kind: 'piece'; readonly text: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly text: string };

/** Answers each question that comes over a WebSocket, one after the other, as JSON messages. */
export function chatOverWebSocket(socket: WebSocket, visitor: Visitor, clock: Clock): void {
  const gone = new AbortController();
  let answered: Promise<void> = Promise.resolve();
  socket.on('close', () => gone.abort());
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    const question = isBinary ? undefined : readQuestion(String(data));
    const send = (event: ChatEvent): void => socket.send(JSON.stringify(event), () => {});
    answered = answered.then(() => streamAnswer(question, visitor, clock, gone.signal, send));
  });
}

/** Answers one question as server-sent events. */
export async function chatOverEvents(
  response: ServerResponse,
  body: string,
  visitor: Visitor,
  clock: Clock,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  });
  await streamAnswer(readQuestion(body), visitor, clock, gone.signal, (event) => {
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  });
  response.end();
}

/** Resolves when the answer is complete or the visitor has gone; never rejects. */
async function streamAnswer(
  question: string | undefined,
  visitor: Visitor,
  clock: Clock,
  gone: AbortSignal,
  send: (event: ChatEvent) => void,
): Promise<void> {
  if (question === undefined) {
    return send({ kind: 'error', text: `A question is a text of 1 to ${MAX_QUESTION_LENGTH} characters.` });
  }
  try {
    for (const text of piecesOf(answerTo(question, visitor))) {
      await sleep(clock, PIECE_MS, gone);
      send({ kind: 'piece', text });
    }
    send({ kind: 'done' });
  } catch {
    // The visitor left in the middle: nobody is there to be told.
  }
}

function readQuestion(json: string): string | undefined {
  try {
    const message: unknown = JSON.parse(json);
    if (typeof message !== 'object' || message === null || !('text' in message)) return undefined;
    const { text } = message;
    return typeof text === 'string' && text !== '' && text.length <= MAX_QUESTION_LENGTH ? text : undefined;
  } catch {
    return undefined;
  }
}
