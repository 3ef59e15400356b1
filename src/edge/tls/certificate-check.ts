import { X509Certificate, createPrivateKey } from 'node:crypto';

/** A certificate that may be served, and how long. Milliseconds since 1970. */
export interface CertificateFacts {
  readonly startsMs: number;
  readonly endsMs: number;
}

export type CheckedCertificate =
  ({ readonly ok: true } & CertificateFacts) | { readonly ok: false; readonly reason: string };

export interface CertificateToCheck {
  readonly name: string;
  /** PEM, the leaf first. */
  readonly chain: string;
  readonly key: string;
  readonly nowMs: number;
}

/** Is it for that name and key, valid now, and does each certificate sign the one before it? */
export function checkCertificate({ name, chain, key, nowMs }: CertificateToCheck): CheckedCertificate {
  const certificates = parseChain(chain);
  const [leaf] = certificates ?? [];
  if (!certificates || !leaf) return refuse('it holds no PEM certificate');
  const fits = fitsKey(leaf, key);
  if (fits !== true) return refuse(fits);
  if (!leaf.checkHost(name, { subject: 'never' })) return refuse(`it is not for ${name}`);
  if (nowMs >= leaf.validToDate.getTime()) return refuse(`it ended on ${leaf.validTo}`);
  if (nowMs < leaf.validFromDate.getTime()) return refuse(`it starts on ${leaf.validFrom} only`);
  if (!isLinked(certificates)) return refuse('its chain does not hold together');
  return { ok: true, startsMs: leaf.validFromDate.getTime(), endsMs: leaf.validToDate.getTime() };
}

const refuse = (reason: string): CheckedCertificate => ({ ok: false, reason });

function parseChain(chain: string): X509Certificate[] | undefined {
  const blocks = chain.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

function fitsKey(leaf: X509Certificate, key: string): true | string {
  try {
    return leaf.checkPrivateKey(createPrivateKey(key)) || 'the key is not its own';
  } catch {
    return 'there is no private key to it';
  }
}

function isLinked(chain: readonly X509Certificate[]): boolean {
  return chain.every((certificate, index) => {
    const issuer = chain[index + 1];
    return !issuer || (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  });
}
