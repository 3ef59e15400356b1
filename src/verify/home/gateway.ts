import { printable } from '../../core/printable.ts';
import type { Finding, LookInput } from '../contract.ts';
import { TIMEOUT_MS, describeAnswer, describeRequest, notApplicable, unknown } from '../exchange.ts';

const NO_GATEWAY = 'the service is no gateway (kind: web)';

/** A gateway in these states tells nothing yet about whom it trusts. */
const UNDECIDED = ['GATEWAY_STARTING', 'GATEWAY_PROXY_UNTRUSTED', 'EDGE_SERVICE_DOWN'];

export async function lookAtGuard({ service, askGuard }: LookInput): Promise<Finding> {
  if (service.kind !== 'openclaw') return notApplicable(NO_GATEWAY);
  const word = await askGuard(service.name);
  if (word.kind === 'open') {
    return {
      outcome: 'shut',
      evidence: 'a stranger is told only that it is ready; a new device needs its approval',
    };
  }
  const evidence = printable(`${word.reason} [${word.code}]`, 300);
  return { outcome: UNDECIDED.includes(word.code) ? 'unknown' : 'open', evidence };
}

/**
 * A tool that does not exist: with a token that counts nothing happens, and a made-up one has to be refused before.
 * Straight from loopback, because the gateway counts failures for each address and exempts that one.
 */
export async function lookAtGatewayToken({ service, targetOf, visit }: LookInput): Promise<Finding> {
  if (service.kind !== 'openclaw') return notApplicable(NO_GATEWAY);
  const target = targetOf(service);
  if (!target) return notApplicable('it listens on a unix socket');
  const request = {
    host: target.host,
    port: target.port,
    ...(target.tls ? { tls: { serverName: undefined, protocol: 'http/1.1' as const } } : {}),
    method: 'POST',
    path: '/tools/invoke',
    authority: `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`,
    headers: { authorization: 'Bearer made-up-by-postern-verify', 'content-type': 'application/json' },
    body: '{"tool":"postern_verify","args":{}}',
    timeoutMs: TIMEOUT_MS,
  };
  const answer = await visit(request);
  const exchanges = [
    { request: describeRequest(request), answer: describeAnswer(answer), tookMs: answer.tookMs },
  ];
  if (answer.kind !== 'answer' || answer.status === 503 || answer.status === 502) {
    return { ...unknown(`the gateway did not answer: ${describeAnswer(answer)}`), exchanges };
  }
  return [401, 403, 429].includes(answer.status)
    ? { outcome: 'shut', evidence: `a made-up token is refused with ${answer.status}`, exchanges }
    : { outcome: 'open', evidence: `a made-up token was answered with status ${answer.status}`, exchanges };
}

const LEAST_CHARACTERS = 32;
const PLACEHOLDER =
  /^(change[-_ ]?me|secret|password|token|default|example|your[-_ ].*|my[-_ ].*|<.*>|\$\{.*\})/i;
/** Fewer different characters than this and it is a pattern, not a random text. */
const LEAST_DIFFERENT = 8;

export async function lookAtTokenStrength({ service, gatewayToken }: LookInput): Promise<Finding> {
  if (service.kind !== 'openclaw') return notApplicable(NO_GATEWAY);
  if (!gatewayToken) {
    return { outcome: 'not-asked', evidence: 'gateway.token is not named in postern.yaml' };
  }
  const token = (await gatewayToken()).reveal();
  const fault = weaknessOf(token);
  return fault === undefined
    ? { outcome: 'shut', evidence: `it has ${token.length} characters` }
    : { outcome: 'open', evidence: fault };
}

function weaknessOf(token: string): string | undefined {
  if (PLACEHOLDER.test(token)) return 'it is a placeholder';
  if (token.length < LEAST_CHARACTERS) return `it has ${token.length} characters only`;
  return new Set(token).size < LEAST_DIFFERENT ? 'it is a simple pattern' : undefined;
}
