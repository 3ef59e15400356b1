import 'reflect-metadata';
import { type webcrypto, createPrivateKey, createPublicKey } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * A certificate signing request (RFC 2986) for one name, which stands in subjectAltName alone (RFC 8555 §7.4).
 * @param keyPem P-256 private key, PKCS #8
 * @returns DER in base64url, as finalize wants it
 */
export async function makeSigningRequest(name: string, keyPem: string): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: await importKeys(keyPem),
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  return Buffer.from(request.rawData).toString('base64url');
}

/** The key pair as Web Crypto holds it. */
export async function importKeys(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = createPrivateKey(keyPem);
  const [pkcs8, spki] = [
    key.export({ type: 'pkcs8', format: 'der' }),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
  ];
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']),
    publicKey: await crypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
  };
}
