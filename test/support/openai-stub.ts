import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A language model for tests: an OpenAI-compatible endpoint on loopback that answers with words it was given,
 * one each `paceMs`, and stops before word `pauseAt` until `resume` is called: so "in mid-answer" is a fact, no guess.
 */
export interface OpenAiStub {
  /** For `models.providers.NAME.baseUrl`. */
  readonly baseUrl: string;
  /** What the next answers say. */
  say(words: readonly string[], options?: { readonly pauseAt?: number; readonly paceMs?: number }): void;
  /** Resolves when an answer has come to its pause. */
  readonly paused: () => Promise<void>;
  resume(): void;
  /** How many answers were asked for. */
  readonly calls: () => number;
  close(): Promise<void>;
}

interface Script {
  readonly words: readonly string[];
  readonly pauseAt: number;
  readonly paceMs: number;
}

export async function startOpenAiStub(): Promise<OpenAiStub> {
  let script: Script = { words: ['hello'], pauseAt: Infinity, paceMs: 20 };
  let paused = Promise.withResolvers<void>();
  let resumed = Promise.withResolvers<void>();
  let calls = 0;

  const server = createServer((request, response) => {
    void readAll(request).then(async (body) => {
      if (request.method !== 'POST') return sendJson(response, { data: [{ id: 'echo', object: 'model' }] });
      const isStream = (JSON.parse(body) as { stream?: boolean }).stream === true;
      calls++;
      if (!isStream) return sendJson(response, wholeAnswer(script.words));
      await streamAnswer(response, script, async () => {
        paused.resolve();
        await resumed.promise;
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    say(words, { pauseAt = Infinity, paceMs = 20 } = {}) {
      script = { words, pauseAt, paceMs };
      paused = Promise.withResolvers();
      resumed = Promise.withResolvers();
    },
    paused: () => paused.promise,
    resume: () => resumed.resolve(),
    calls: () => calls,
    async close() {
      resumed.resolve();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function streamAnswer(
  response: ServerResponse,
  script: Script,
  pause: () => Promise<void>,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  for (const [index, word] of script.words.entries()) {
    if (index === script.pauseAt) await pause();
    response.write(sse(chunk({ content: index === 0 ? word : ` ${word}` }, null)));
    await new Promise((resolve) => setTimeout(resolve, script.paceMs));
  }
  response.write(sse(chunk({}, 'stop')));
  response.end('data: [DONE]\n\n');
}

const sse = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

const base = { id: 'chatcmpl-test', created: 1, model: 'echo' };
const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 };

function chunk(delta: object, finishReason: string | null): object {
  const choice = { index: 0, delta: { role: 'assistant', ...delta }, finish_reason: finishReason };
  return {
    ...base,
    object: 'chat.completion.chunk',
    choices: [choice],
    ...(finishReason === null ? {} : { usage }),
  };
}

function wholeAnswer(words: readonly string[]): object {
  const message = { role: 'assistant', content: words.join(' ') };
  return {
    ...base,
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage,
  };
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
