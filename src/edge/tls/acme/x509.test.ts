import { X509Certificate, createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { runProcess } from '../../../platform/processes.ts';
import { makeKeyPem } from './account-key.ts';
import { certificateIdOf } from './certificate-id.ts';
import { makeChallengeCertificate } from './challenge-certificate.ts';
import { makeSigningRequest } from './csr.ts';

/** RFC 9773, Appendix A. */
const EXAMPLE = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;

test('the certificate of RFC 9773 Appendix A has the identifier of its §4.1', () => {
  expect(certificateIdOf(EXAMPLE)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  expect(certificateIdOf(`some text\n${EXAMPLE}${EXAMPLE}`)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
});

test('a signing request names one host, in subjectAltName alone, and is signed by its key', async () => {
  const csr = Buffer.from(await makeSigningRequest('chat.example.com', makeKeyPem()), 'base64url');
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${csr.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  const { status, stdout, stderr } = await runProcess('openssl', ['req', '-noout', '-text', '-verify'], {
    input: pem,
  });
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('verify OK') });
  expect(stdout).toMatch(/Subject: *\n/);
  expect(stdout).toMatch(/Subject Alternative Name: *\n *DNS:chat\.example\.com *\n/);
});

test('a challenge certificate is what RFC 8737 §3 asks for, and without an issuer it has no identifier', async () => {
  const nowMs = Date.UTC(2026, 5, 1);
  const { cert, key } = await makeChallengeCertificate('chat.example.com', 'token.thumbprint', nowMs);
  const certificate = new X509Certificate(cert);
  expect(certificate.subjectAltName).toBe('DNS:chat.example.com');
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(key).toContain('PRIVATE KEY');
  // SEQUENCE { OID 1.3.6.1.5.5.7.1.31, BOOLEAN TRUE, OCTET STRING { OCTET STRING (32) } }
  const digest = createHash('sha256').update('token.thumbprint').digest('hex');
  expect(certificate.raw.toString('hex')).toContain(`06082b0601050507011f0101ff04220420${digest}`);
  expect(certificate.validFromDate.getTime()).toBeLessThan(nowMs);
  expect(certificateIdOf(cert)).toBeUndefined();
});
