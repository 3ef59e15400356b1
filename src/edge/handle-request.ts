import type { Decision, GateResponse, RequestFacts } from './auth/contract.ts';
import type { EdgeCore, RunningService } from './core.ts';
import type { Exchange } from './exchange.ts';
import { type ErrorStatus, renderRefusal } from './pages/error-page.ts';
import type { Arrival } from './visitor.ts';

/**
 * What the edge does with a request, in order: whose name is it → canary → decide → is the path open → is the service
 * open → pass it on. Everything that no step allows is denied.
 */
export function handleRequest(core: EdgeCore, exchange: Exchange): void {
  const { head } = exchange;
  const host = head.host;
  if (host === undefined) return refuse(exchange, 400);
  const serviceName = findName(core, host, exchange.arrival);
  if (serviceName === undefined) return refuse(exchange, 421);
  const canaryBody = core.canary.answerTo(head.target);
  if (canaryBody !== undefined) return exchange.answer(textAnswer(canaryBody));
  const facts = factsOf(exchange, serviceName);
  const decision = core.gatekeeper.decide(facts);
  switch (decision.kind) {
    case 'allow':
      return pass(core, exchange, serviceName, host, decision);
    case 'gate':
      return askGate(core, exchange, facts);
    case 'deny':
      return refuse(exchange, decision.status);
    case 'limited':
      return refuse(exchange, 429, decision.retryAfterSeconds);
    default:
      return refuse(exchange, 403);
  }
}

const DOOR_OF_TLS = { home: 'link-tls', relay: 'link-http' } as const;

/**
 * The name that a request is for.
 * @param host the Host field, or :authority
 * @param arrival a request for another name than TLS was made for, or than its door serves, does not belong there (421)
 */
function findName(core: EdgeCore, host: string, { serverName, doorKind }: Arrival): string | undefined {
  const parts = /^([a-z0-9.-]{1,253})(?::(\d{1,5}))?$/.exec(host.toLowerCase());
  const name = parts?.[1];
  if (name === undefined) return undefined;
  if (parts?.[2] !== undefined && Number(parts[2]) !== core.options.publicPort) return undefined;
  if (serverName !== undefined && serverName !== name) return undefined;
  if (name === core.options.gate) return doorKind === 'link-tls' ? name : undefined;
  const service = core.services.get(name)?.service;
  const door = service?.tls === undefined ? doorKind : DOOR_OF_TLS[service.tls];
  return service !== undefined && door === doorKind ? name : undefined;
}

function factsOf(exchange: Exchange, serviceName: string): RequestFacts {
  const { head } = exchange;
  return {
    serviceName,
    method: head.method,
    target: head.target,
    client: exchange.client,
    cookie: head.cookie,
    authorization: head.authorization,
    origin: head.origin,
    isUpgrade: exchange.isUpgrade,
    accept: head.accept,
    acceptLanguage: head.acceptLanguage,
    userAgent: head.userAgent,
    secFetchSite: head.secFetchSite,
    secFetchDest: head.secFetchDest,
    serviceWorker: head.serviceWorker,
  };
}

type Allowed = Extract<Decision, { kind: 'allow' }>;

function pass(
  core: EdgeCore,
  exchange: Exchange,
  serviceName: string,
  host: string,
  decision: Allowed,
): void {
  const running = core.services.get(serviceName);
  // The gate has no service behind it; and nobody is let in without a login where the configuration asks for one.
  if (!running || !mayPass(running, decision)) return refuse(exchange, 403);
  exchange.principal = decision.principal;
  if (decision.principal.kind !== 'open') exchange.markSignedIn(decision.principal);
  if (running.service.isPathDenied(exchange.head.path)) return refuse(exchange, 403);
  if (!running.state.open) return refuse(exchange, 503, 10);
  exchange.forward(running, host, decision.removeAuthorization);
}

function mayPass(running: RunningService, decision: Allowed): boolean {
  return decision.principal.kind !== 'open' || running.service.access === 'none';
}

function askGate(core: EdgeCore, exchange: Exchange, facts: RequestFacts): void {
  if (exchange.isUpgrade) return refuse(exchange, 403);
  const { publicPort } = core.options;
  const request = {
    ...facts,
    ownOrigin: `https://${facts.serviceName}${publicPort === 443 ? '' : `:${publicPort}`}`,
    contentType: exchange.head.contentType,
    readBody: (maxBytes: number) => exchange.readBody(maxBytes),
  };
  core.gatekeeper.answer(request).then(
    (response) => exchange.answer(response),
    (error: unknown) => {
      core.options.log.error(
        { reason: error instanceof Error ? error.message : 'unknown' },
        'sign-in failed',
      );
      refuse(exchange, 500);
    },
  );
}

/** An answer that says nothing but its status. */
function refuse(exchange: Exchange, status: ErrorStatus, retryAfterSeconds?: number): void {
  exchange.answer(renderRefusal(status, exchange.head, retryAfterSeconds));
}

function textAnswer(body: string): GateResponse {
  return {
    status: 200,
    headers: [
      ['content-type', 'text/plain; charset=utf-8'],
      ['cache-control', 'no-store'],
    ],
    body,
  };
}
