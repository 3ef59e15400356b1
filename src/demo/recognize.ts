import { request } from 'node:http';
import { parseTarget } from '../config/target.ts';
import { READINESS_PATH, judgeStrangerAnswer } from '../gateway/stranger-guard.ts';

const TIMEOUT_MS = 3000;
const MAX_BODY_BYTES = 65_536;

/**
 * What answers at a target: an OpenClaw gateway shows itself by the form of its readiness answer, whatever it says.
 * @param to as `to:` of the configuration
 */
export async function recognizeKind(to: string): Promise<'web' | 'openclaw'> {
  const target = parseTarget(to);
  if (!target || (target.kind === 'tcp' && target.tls)) return 'web';
  const address =
    target.kind === 'unix' ? { socketPath: target.path } : { host: target.host, port: target.port };
  const answer = await ask(address);
  if (!answer) return 'web';
  const verdict = judgeStrangerAnswer('', answer);
  return verdict.kind === 'shut' && verdict.error.code === 'GATEWAY_ANSWER_UNKNOWN' ? 'web' : 'openclaw';
}

type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** `undefined` when no proper answer came. */
function ask(address: Address): Promise<{ status: number; body: string } | undefined> {
  return new Promise((resolve) => {
    const sent = request({
      ...address,
      path: READINESS_PATH,
      agent: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    sent.once('error', () => resolve(undefined));
    sent.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        body += part;
        if (body.length > MAX_BODY_BYTES) sent.destroy();
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('close', () => resolve(undefined));
      response.once('error', () => resolve(undefined));
    });
    sent.end();
  });
}
