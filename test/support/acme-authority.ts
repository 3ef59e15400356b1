import 'reflect-metadata';
import { createHash, createPublicKey, randomBytes, verify, type webcrypto } from 'node:crypto';
import { connect as connectTls } from 'node:tls';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../../src/core/clock.ts';
import { thumbprintOf, type EcJwk } from '../../src/edge/tls/acme/account-key.ts';
import { certificateIdOf } from '../../src/edge/tls/acme/certificate-id.ts';
import { ACME_IDENTIFIER_OID } from '../../src/edge/tls/acme/challenge-certificate.ts';
import type { Jws } from '../../src/edge/tls/acme/jws.ts';
import type { HttpsAnswer, HttpsRequest } from '../../src/platform/https-request.ts';

const BASE = 'https://authority.example';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

interface Order {
  readonly name: string;
  readonly token: string;
  readonly replaces: string | undefined;
  status: 'pending' | 'ready' | 'valid' | 'invalid';
  authorization: 'pending' | 'valid' | 'invalid';
  problem: string;
  certificate: string;
}

/** What was issued, in order. Milliseconds since 1970. */
export interface Issued {
  readonly atMs: number;
  readonly replaces: string | undefined;
  readonly certificateId: string;
}

/**
 * An ACME authority in this process whose clock a test moves, with the renewal information of RFC 9773: what Pebble
 * cannot do. It checks signatures, nonces and URLs, and comes to TLS-ALPN-01 over a real TLS connection.
 */
export class AcmeAuthority {
  readonly directoryUrl = `${BASE}/directory`;
  readonly issued: Issued[] = [];
  /** Requests so far, by the first part of their path. */
  readonly counts = new Map<string, number>();
  /** Nobody answers. */
  isDown = false;
  /** Answers new orders with 429 and this Retry-After, seconds. */
  limitedForSeconds: number | undefined;
  /** The suggested window for a certificate that starts and ends then; `undefined`: no renewal information. */
  window: ((startsMs: number, endsMs: number) => readonly [number, number]) | undefined;
  retryAfterSeconds = 6 * 3600;
  days: number;
  readonly #clock: Clock;
  readonly #port: number;
  readonly #nonces = new Set<string>();
  readonly #accounts = new Map<string, EcJwk>();
  readonly #orders = new Map<string, Order>();
  readonly #lives = new Map<string, readonly [number, number]>();
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(options: { clock: Clock; port: number; days: number }, keys: webcrypto.CryptoKeyPair) {
    this.#clock = options.clock;
    this.#port = options.port;
    this.days = options.days;
    this.#keys = keys;
  }

  /** @param options.port where every name is, on loopback */
  static async make(options: { clock: Clock; port: number; days: number }): Promise<AcmeAuthority> {
    return new AcmeAuthority(options, await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']));
  }

  /** In the place of `requestHttps`. */
  readonly send = async (request: HttpsRequest): Promise<HttpsAnswer> => {
    if (this.isDown) return { ok: false, reason: 'ECONNREFUSED' };
    const [, kind = '', id = ''] = new URL(request.url).pathname.split('/');
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (kind === 'directory') return this.#answer(200, this.#directory());
    if (kind === 'nonce') return this.#answer(200, {});
    if (kind === 'renewal') return this.#renewal(id);
    return this.#signed(kind, id, request);
  };

  #directory(): object {
    const renewal = this.window ? { renewalInfo: `${BASE}/renewal` } : {};
    return {
      newNonce: `${BASE}/nonce`,
      newAccount: `${BASE}/account`,
      newOrder: `${BASE}/orders`,
      ...renewal,
    };
  }

  #renewal(id: string): HttpsAnswer {
    const life = this.#lives.get(id);
    if (!life || !this.window) return this.#problem(404, 'malformed', 'no such certificate');
    const [start, end] = this.window(...life).map((ms) => new Date(ms).toISOString());
    const answer = { suggestedWindow: { start, end }, explanationURL: `${BASE}/why` };
    return this.#answer(200, answer, { 'retry-after': String(this.retryAfterSeconds) });
  }

  async #signed(kind: string, id: string, request: HttpsRequest): Promise<HttpsAnswer> {
    const jws = JSON.parse(request.body ?? '{}') as Jws;
    const head = decode(jws.protected) as { jwk?: EcJwk; kid?: string; nonce: string; url: string };
    if (!this.#nonces.delete(head.nonce)) return this.#problem(400, 'badNonce', 'not a nonce of mine');
    const jwk = head.jwk ?? this.#accounts.get(head.kid ?? '');
    if (!jwk) return this.#problem(400, 'accountDoesNotExist', 'no such account');
    if (head.url !== request.url || !isSigned(jws, jwk))
      return this.#problem(401, 'unauthorized', 'not signed');
    const payload = (jws.payload === '' ? {} : decode(jws.payload)) as Record<string, unknown>;
    if (kind === 'account') return this.#newAccount(jwk, payload);
    if (kind === 'orders') return this.#newOrder(payload);
    const order = this.#orders.get(id);
    if (!order) return this.#problem(404, 'malformed', 'no such order');
    if (kind === 'challenge') await this.#validate(order, jwk);
    if (kind === 'finalize') await this.#issue(order, payload);
    if (kind === 'certificate') return this.#answer(200, order.certificate);
    return this.#answer(
      200,
      kind === 'order' || kind === 'finalize' ? show(id, order) : showProof(id, order),
    );
  }

  #newAccount(jwk: EcJwk, { termsOfServiceAgreed }: Record<string, unknown>): HttpsAnswer {
    if (termsOfServiceAgreed !== true) return this.#problem(403, 'userActionRequired', 'agree first');
    const url = `${BASE}/account/${thumbprintOf(jwk)}`;
    this.#accounts.set(url, jwk);
    return this.#answer(201, { status: 'valid' }, { location: url });
  }

  #newOrder({ identifiers, replaces }: Record<string, unknown>): HttpsAnswer {
    if (this.limitedForSeconds !== undefined) {
      const hint = { 'retry-after': String(this.limitedForSeconds) };
      return this.#problem(429, 'rateLimited', 'too many orders', hint);
    }
    if (this.issued.some((one) => replaces !== undefined && one.replaces === replaces)) {
      return this.#problem(409, 'alreadyReplaced', 'that certificate was replaced');
    }
    const [{ value = '' } = {}] = identifiers as { value?: string }[];
    const order: Order = {
      name: value,
      token: randomBytes(16).toString('base64url'),
      replaces: replaces as string | undefined,
      status: 'pending',
      authorization: 'pending',
      problem: '',
      certificate: '',
    };
    const id = String(this.#orders.size + 1);
    this.#orders.set(id, order);
    return this.#answer(201, show(id, order), { location: `${BASE}/order/${id}` });
  }

  async #validate(order: Order, jwk: EcJwk): Promise<void> {
    const digest = createHash('sha256')
      .update(`${order.token}.${thumbprintOf(jwk)}`)
      .digest('hex');
    const seen = await lookAtChallenge(this.#port, order.name).catch((error: Error) => error.message);
    order.authorization = seen === digest ? 'valid' : 'invalid';
    order.status = seen === digest ? 'ready' : 'invalid';
    order.problem = `it showed ${seen}`;
  }

  async #issue(order: Order, { csr }: Record<string, unknown>): Promise<void> {
    if (order.status !== 'ready') return;
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(String(csr), 'base64url'));
    const nowMs = this.#clock.nowMs();
    const life = [nowMs - HOUR_MS, nowMs - HOUR_MS + this.days * DAY_MS] as const;
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: randomBytes(12).toString('hex'),
      issuer: 'CN=authority.example',
      notBefore: new Date(life[0]),
      notAfter: new Date(life[1]),
      signingAlgorithm: ALGORITHM,
      publicKey: request.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: order.name }]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    });
    order.certificate = `${leaf.toString('pem')}\n`;
    order.status = 'valid';
    const certificateId = certificateIdOf(order.certificate) ?? '';
    this.#lives.set(certificateId, life);
    this.issued.push({ atMs: nowMs, replaces: order.replaces, certificateId });
  }

  #problem(status: number, type: string, detail: string, headers: Record<string, string> = {}): HttpsAnswer {
    return this.#answer(status, { type: `urn:ietf:params:acme:error:${type}`, detail }, headers);
  }

  #answer(status: number, body: object | string, headers: Record<string, string> = {}): HttpsAnswer {
    const nonce = randomBytes(12).toString('base64url');
    this.#nonces.add(nonce);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return { ok: true, status, headers: { 'replay-nonce': nonce, ...headers }, body: text };
  }
}

function show(id: string, { status, problem }: Order): object {
  return {
    status,
    authorizations: [`${BASE}/authorization/${id}`],
    finalize: `${BASE}/finalize/${id}`,
    ...(status === 'valid' ? { certificate: `${BASE}/certificate/${id}` } : {}),
    ...(status === 'invalid' ? { error: { detail: problem } } : {}),
  };
}

function showProof(id: string, { authorization, token, problem }: Order): object {
  const error = authorization === 'invalid' ? { error: { detail: problem } } : {};
  const challenge = { type: 'tls-alpn-01', url: `${BASE}/challenge/${id}`, token, ...error };
  return { status: authorization, challenges: [{ type: 'http-01', url: `${BASE}/x`, token }, challenge] };
}

const decode = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));

function isSigned(jws: Jws, jwk: EcJwk): boolean {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  const signature = Buffer.from(jws.signature, 'base64url');
  return verify(
    'sha256',
    Buffer.from(`${jws.protected}.${jws.payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    signature,
  );
}

/** RFC 8737 §3. @returns the digest in the certificate that is shown, in hexadecimal */
function lookAtChallenge(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      servername,
      ALPNProtocols: ['acme-tls/1'],
      rejectUnauthorized: false,
    };
    const socket = connectTls(options);
    socket.setTimeout(5000, () => socket.destroy(new Error('nothing within 5 s')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('it closed')));
    socket.once('secureConnect', () => {
      const shown = new x509.X509Certificate(socket.getPeerCertificate().raw);
      const value = shown.getExtension(ACME_IDENTIFIER_OID)?.value ?? new ArrayBuffer(2);
      const isOurs = socket.alpnProtocol === 'acme-tls/1';
      setImmediate(() => {
        resolve(isOurs ? Buffer.from(value).subarray(2).toString('hex') : 'another protocol');
        socket.destroy();
      });
    });
  });
}
