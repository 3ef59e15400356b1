import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { CertificatePair } from '../edge/contract.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than any look at a demo, and short enough that a forgotten one is worth nothing. */
const VALID_DAYS = 7;
/** A clock that runs a little behind must not refuse it. */
const BACKDATE_MS = 5 * 60 * 1000;
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * Name constraints (RFC 5280 §4.2.1.10) that permit `localhost` and the names below it, and nothing else: whoever
 * trusts this authority trusts it for no name on the Internet. DER: permittedSubtrees { base dNSName "localhost" }.
 */
const NAME_CONSTRAINTS_OID = '2.5.29.30';
const ONLY_LOCALHOST = Buffer.concat([
  Buffer.from([0x30, 0x0f, 0xa0, 0x0d, 0x30, 0x0b, 0x82, 0x09]),
  Buffer.from('localhost', 'latin1'),
]);

export interface DemoCertificate {
  /** The authority's certificate, PEM: what a client has to trust. */
  readonly authority: string;
  /** The chain and the key for the demo's name, PEM. */
  readonly pair: CertificatePair;
}

/**
 * A throw-away authority and one certificate by it. The authority's key signs that one certificate and is forgotten:
 * it is never exported, so nobody can sign another one.
 * @param name below `.localhost`
 * @param nowMs milliseconds since 1970
 */
export async function makeDemoCertificate(name: string, nowMs: number): Promise<DemoCertificate> {
  const notBefore = new Date(nowMs - BACKDATE_MS);
  const notAfter = new Date(nowMs + VALID_DAYS * DAY_MS);
  const authorityKeys = await generateKeys(false);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Postern demo (throw-away)',
    notBefore,
    notAfter,
    signingAlgorithm: KEY_ALGORITHM,
    keys: authorityKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.Extension(NAME_CONSTRAINTS_OID, true, ONLY_LOCALHOST),
      await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const keys = await generateKeys(true);
  const leaf = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: authority.subject,
    notBefore,
    notAfter,
    signingAlgorithm: KEY_ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  return {
    authority: pem(authority),
    pair: { cert: pem(leaf), key: await privateKeyPem(keys.privateKey) },
  };
}

async function generateKeys(isExtractable: boolean): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey(KEY_ALGORITHM, isExtractable, ['sign', 'verify']);
}

const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await crypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`;
}
