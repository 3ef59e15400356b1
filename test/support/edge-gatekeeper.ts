import type {
  Decision,
  Gatekeeper,
  GateRequest,
  GateResponse,
  Principal,
  RequestFacts,
  Revocation,
} from '../../src/edge/auth/contract.ts';

const OWN_COOKIE = '__Host-test';

/** The field that a signed-in visitor of the tests sends. */
export const SIGNED_IN_COOKIE = `${OWN_COOKIE}=s1`;
export const SIGNED_IN_TOKEN = 'Bearer pst_t1';

/**
 * A login without users: the cookie `__Host-test=ID` is the session ID, `Bearer pst_ID` the token ID, everybody else is
 * a stranger and gets the gate's answer. It keeps every fact that it was asked with.
 */
export class TestGatekeeper implements Gatekeeper {
  readonly asked: RequestFacts[] = [];
  readonly #listeners = new Set<(revocation: Revocation) => void>();
  /** What strangers get; `gate` unless a test says otherwise. */
  forStrangers: Decision = { kind: 'gate' };
  keepsFacts = true;
  /** IDs of those whose running connections were reported as use. */
  readonly used: string[] = [];
  /** Bytes of the last body that the gate read. */
  gateBody = '';
  maxGateBody = 1000;

  decide(facts: RequestFacts): Decision {
    if (this.keepsFacts) this.asked.push(facts);
    const session = /(?:^|;\s*)__Host-test=([^;]*)/.exec(facts.cookie ?? '')?.[1];
    if (session !== undefined) return allow({ kind: 'session', id: session });
    const token = /^Bearer pst_(.*)$/.exec(facts.authorization ?? '')?.[1];
    if (token !== undefined) return allow({ kind: 'token', id: token });
    if (facts.serviceName.startsWith('open.')) return allow({ kind: 'open', id: 'open' });
    return this.forStrangers;
  }

  noteUse(principal: Principal): void {
    this.used.push(principal.id);
  }

  async answer(request: GateRequest): Promise<GateResponse> {
    if (request.method !== 'POST') return page(200, 'sign in');
    try {
      this.gateBody = Buffer.from(await request.readBody(this.maxGateBody)).toString();
      return page(200, 'thanks');
    } catch {
      return page(413, 'too long');
    }
  }

  withoutOwnCookies(cookie: string): string | undefined {
    const left = cookie.split(/;\s*/).filter((pair) => !pair.startsWith(`${OWN_COOKIE}=`));
    return left.length === 0 ? undefined : left.join('; ');
  }

  isOwnCookie(cookieName: string): boolean {
    return cookieName === OWN_COOKIE;
  }

  onRevocation(callback: (revocation: Revocation) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  revoke(revocation: Revocation): void {
    for (const listener of this.#listeners) listener(revocation);
  }
}

function allow(who: Pick<Principal, 'kind' | 'id'>): Decision {
  return {
    kind: 'allow',
    principal: { ...who, deviceId: `device-of-${who.id}`, userName: 'ann' },
    removeAuthorization: who.kind === 'token',
  };
}

function page(status: number, body: string): GateResponse {
  return { status, headers: [['content-type', 'text/plain']], body };
}
