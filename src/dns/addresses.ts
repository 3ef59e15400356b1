const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** A dotted quad without leading zeros. */
export const isIpv4 = (text: string): boolean => IPV4.test(text);

/** An IPv6 address in its one spelling (RFC 5952); `undefined` when it is none, or has a zone. */
export function canonicalIpv6(text: string): string | undefined {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(':')) return undefined;
  const url = `http://[${text}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : undefined;
}
