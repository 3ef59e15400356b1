import { X509Certificate, createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DemoCertificate, makeDemoCertificate } from './certificate.ts';

const NOW_MS = Date.now();
let made: DemoCertificate;
let authority: X509Certificate;
let leaf: X509Certificate;

beforeAll(async () => {
  made = await makeDemoCertificate('chat.localhost', NOW_MS);
  authority = new X509Certificate(made.authority);
  leaf = new X509Certificate(made.pair.cert);
});

test('a client that trusts the authority reaches the name, and no other name', async () => {
  const server = createServer({ cert: made.pair.cert, key: made.pair.key }, (socket) => socket.end('hello'));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());
  const { port } = server.address() as AddressInfo;
  const visit = async (servername: string, ca: string | undefined): Promise<string> =>
    await new Promise((resolve) => {
      const client = connect({ port, host: '127.0.0.1', servername, ca });
      client.once('data', (bytes: Buffer) => resolve(bytes.toString()));
      client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    });
  expect(await visit('chat.localhost', made.authority)).toBe('hello');
  expect(await visit('other.localhost', made.authority)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(await visit('chat.localhost', undefined)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('the authority signs for .localhost alone: OpenSSL refuses a certificate of it for another name', async () => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const constraints = new x509.X509Certificate(made.authority).getExtension('2.5.29.30');
  expect(constraints?.critical).toBe(true);
  const [ours, bank] = await Promise.all(
    ['chat.localhost', 'bank.example'].map(async (name) => {
      const issuer = await x509.X509CertificateGenerator.createSelfSigned({
        name: 'CN=constrained',
        keys,
        signingAlgorithm,
        extensions: [new x509.BasicConstraintsExtension(true, 0, true), constraints as x509.Extension],
      });
      const child = await x509.X509CertificateGenerator.create({
        subject: `CN=${name}`,
        issuer: issuer.subject,
        publicKey: keys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
      });
      const key = x509.PemConverter.encode(
        await crypto.subtle.exportKey('pkcs8', keys.privateKey),
        'PRIVATE KEY',
      );
      return await handshake({ ca: issuer.toString('pem'), cert: child.toString('pem'), key }, name);
    }),
  );
  expect(ours).toBe('authorized');
  // Node's word for OpenSSL's X509_V_ERR_PERMITTED_VIOLATION, which its table does not name.
  expect(bank).toBe('UNSPECIFIED');
});

/** Connects to a server with this chain; the word that the client's verification ends with. */
async function handshake(
  chain: { ca: string; cert: string; key: string },
  servername: string,
): Promise<string> {
  const server = createServer({ cert: chain.cert, key: chain.key }, (socket) =>
    socket.on('error', () => {}).end(),
  );
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', servername, ca: chain.ca, rejectUnauthorized: false });
  client.on('error', () => {});
  await once(client, 'secureConnect');
  const word = client.authorized ? 'authorized' : String(client.authorizationError);
  client.destroy();
  server.close();
  return word;
}

test('both certificates end within days, and the authority can make no further one', () => {
  for (const certificate of [authority, leaf]) {
    expect(Date.parse(certificate.validFrom)).toBeLessThanOrEqual(NOW_MS);
    expect(Date.parse(certificate.validTo) - NOW_MS).toBeLessThanOrEqual(7 * 24 * 60 * 60 * 1000);
  }
  expect(authority.ca && !leaf.ca).toBe(true);
  expect(made.pair.key.match(/PRIVATE KEY/g)).toHaveLength(2);
  expect(leaf.checkPrivateKey(createPrivateKey(made.pair.key))).toBe(true);
  expect(authority.publicKey.equals(leaf.publicKey)).toBe(false);
});
