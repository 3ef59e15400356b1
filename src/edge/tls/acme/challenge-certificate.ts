import 'reflect-metadata';
import { createHash } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { CertificatePair } from '../../contract.ts';
import { makeKeyPem } from './account-key.ts';
import { importKeys } from './csr.ts';

/** id-pe-acmeIdentifier, RFC 8737 §6.1. */
export const ACME_IDENTIFIER_OID = '1.3.6.1.5.5.7.1.31';

const HOUR_MS = 3_600_000;

/**
 * The certificate that answers a TLS-ALPN-01 challenge (RFC 8737 §3): self-signed, for that one name, with the SHA-256
 * of the key authorization in a critical extension.
 * @param nowMs milliseconds since 1970
 */
export async function makeChallengeCertificate(
  name: string,
  keyAuthorization: string,
  nowMs: number,
): Promise<CertificatePair> {
  const key = makeKeyPem();
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=ACME challenge',
    keys: await importKeys(key),
    notBefore: new Date(nowMs - HOUR_MS),
    notAfter: new Date(nowMs + 24 * HOUR_MS),
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      // Authorization ::= OCTET STRING (SIZE (32))
      new x509.Extension(
        ACME_IDENTIFIER_OID,
        true,
        Buffer.concat([Buffer.from([0x04, digest.length]), digest]),
      ),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key };
}
