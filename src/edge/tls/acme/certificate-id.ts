import 'reflect-metadata';
import { AuthorityKeyIdentifierExtension, X509Certificate } from '@peculiar/x509';

/**
 * How renewal information names a certificate (RFC 9773 §4.1): the key identifier of its issuer and its own serial
 * number, both as the bytes of their DER values in base64url.
 * @param pem the leaf first
 * @returns `undefined` when the certificate does not name its issuer's key
 */
export function certificateIdOf(pem: string): string | undefined {
  const certificate = new X509Certificate(leafOf(pem));
  const issuer = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  if (issuer === undefined) return undefined;
  return `${hexToBase64url(issuer)}.${hexToBase64url(asDerInteger(certificate.serialNumber))}`;
}

/** DER's INTEGER is signed: a first bit that is set needs a byte of zero before it. */
function asDerInteger(hex: string): string {
  const even = (hex.length % 2 === 0 ? hex : `0${hex}`).replace(/^(00)+(?=..)/, '');
  return Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even;
}

const hexToBase64url = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url');

function leafOf(pem: string): string {
  return /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(pem)?.[0] ?? pem;
}
