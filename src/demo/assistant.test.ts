import { rmSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Clock } from '../core/clock.ts';
import { systemClock } from '../platform/clock.ts';
import { type Assistant, startAssistant } from './assistant.ts';
import type { ChatEvent } from './chat-stream.ts';
import { answerTo, piecesOf } from './script.ts';
import { makeTestFolder } from '../../test/support/temporary-folder.ts';

const HOST = 'chat.localhost:8443';
const VISITOR = { address: '198.51.100.7', protocol: 'https', host: HOST };
const STAMPED = {
  host: HOST,
  'x-forwarded-for': VISITOR.address,
  'x-forwarded-proto': VISITOR.protocol,
  'x-forwarded-host': VISITOR.host,
};
/** Pauses cost nothing. */
const hastyClock: Clock = { ...systemClock, after: (_delayMs, callback) => systemClock.after(0, callback) };

let folder: string;
let socketPath: string;
let assistant: Assistant;

beforeAll(async () => {
  folder = makeTestFolder();
  socketPath = join(folder, 's.sock');
  assistant = await startAssistant({
    address: { path: socketPath },
    publicHost: () => HOST,
    clock: hastyClock,
  });
});
afterAll(async () => {
  await assistant.close();
  rmSync(folder, { recursive: true });
});

async function ask(
  options: RequestOptions,
  body?: string,
): Promise<{ answer: IncomingMessage; text: string }> {
  const sent: ClientRequest = request({ socketPath, headers: STAMPED, ...options });
  sent.end(body);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('error', reject);
  });
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { answer, text };
}

const eventsOf = (text: string): ChatEvent[] =>
  text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.replace(/^data: /, '')) as ChatEvent);

const textOf = (events: readonly ChatEvent[]): string =>
  events.map((event) => (event.kind === 'piece' ? event.text : '')).join('');

test('serves its page, which may load nothing from elsewhere and stands in no frame', async () => {
  const { answer, text } = await ask({ path: '/' });
  expect(answer.statusCode).toBe(200);
  expect(text).toContain('Scripted responder');
  const policy = answer.headers['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*|http:|data:/);
  const named = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url as string);
  expect(named.length).toBeGreaterThan(2);
  for (const path of named) expect((await ask({ path })).answer.statusCode).toBe(200);
  expect(text).not.toMatch(/<style|style="|onclick|<script>/);
});

test('streams an answer over a WebSocket, in pieces, one question after the other', async () => {
  const socket = new WebSocket(`ws+unix:${socketPath}:/chat`, { headers: STAMPED });
  const events: ChatEvent[] = [];
  await new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      socket.send(JSON.stringify({ text: 'hello' }));
      socket.send(JSON.stringify({ text: 'who am I?' }));
    });
    socket.on('message', (data: Buffer) => {
      events.push(JSON.parse(data.toString()) as ChatEvent);
      if (events.filter(({ kind }) => kind === 'done').length === 2) socket.close();
    });
    socket.on('close', resolve);
  });
  const middle = events.findIndex(({ kind }) => kind === 'done');
  expect(textOf(events.slice(0, middle))).toBe(answerTo('hello', VISITOR));
  expect(textOf(events.slice(middle))).toBe(answerTo('who am I?', VISITOR));
  expect(middle).toBeGreaterThan(10);
});

test('streams the same answer as server-sent events, and says what the edge stamped', async () => {
  const { answer, text } = await ask(
    { method: 'POST', path: '/chat' },
    JSON.stringify({ text: 'my address?' }),
  );
  expect(answer.headers['content-type']).toContain('text/event-stream');
  expect(textOf(eventsOf(text))).toContain('198.51.100.7');
  expect(eventsOf(text).at(-1)).toEqual({ kind: 'done' });
});

test.each(['', '{', '[]', 'null', '{"text":1}', '{"text":""}', JSON.stringify({ text: 'x'.repeat(1001) })])(
  'a question that is none is refused: %s',
  async (body) => {
    const { text } = await ask({ method: 'POST', path: '/chat' }, body);
    expect(eventsOf(text)).toEqual([{ kind: 'error', text: expect.stringContaining('1 to 1000') as string }]);
  },
);

test('a body without end is refused at its bound', async () => {
  const { answer } = await ask({ method: 'POST', path: '/chat' }, 'x'.repeat(100_000));
  expect(answer.statusCode).toBe(413);
});

test('DNS rebinding: another Host gets neither a page nor a socket', async () => {
  for (const host of ['evil.example', 'localhost', 'chat.localhost', 'chat.localhost:1', '127.0.0.1']) {
    expect((await ask({ path: '/', headers: { ...STAMPED, host } })).answer.statusCode).toBe(421);
    const socket = new WebSocket(`ws+unix:${socketPath}:/chat`, { headers: { ...STAMPED, host } });
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(error.message).toContain('404');
  }
});

test('every script line is reached by its suggestion, and pieces lose nothing', () => {
  const answers = [
    'How does this work?',
    'What can the relay see?',
    'Who am I to you?',
    'Count to forty',
    'x',
  ].map((question) => answerTo(question, VISITOR));
  expect(new Set(answers).size).toBe(answers.length);
  for (const answer of answers) expect(piecesOf(answer).join('')).toBe(answer);
});
