import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DnsAnswer, type DnsType, queryDnsHead } from '../../platform/dns-query.ts';
import { RECORD_TYPES } from '../contract.ts';
import type { QueryDns } from './ask-server.ts';
import { openLookup } from './lookup.ts';
import { parseRecords } from './parse-records.ts';

/** A world of answers: `NAME TYPE` at the resolver, `ADDRESS NAME TYPE` at a server. What is missing is not there. */
function world(answers: Readonly<Record<string, readonly unknown[] | string>>): QueryDns {
  return (name, type: DnsType, options) => {
    const server = options?.server ? `${options.server.address} ` : '';
    const found = answers[`${server}${name} ${type}`];
    if (typeof found === 'string') return Promise.resolve<DnsAnswer>({ kind: 'failed', reason: found });
    return Promise.resolve<DnsAnswer>(found ? { kind: 'records', records: found } : { kind: 'none' });
  };
}

const ZONE = {
  'example.com SOA': [{}],
  'example.com NS': ['ns1.example.net', 'NS2.example.net.'],
  'ns1.example.net A': [{ address: '192.0.2.1', ttl: 1 }],
  'ns1.example.net AAAA': [{ address: '2001:db8::1', ttl: 1 }],
  'ns2.example.net A': [{ address: '192.0.2.2', ttl: 1 }],
};

test('the zone is the nearest name above with a SOA record, and all addresses of its servers are known', async () => {
  const { zone, servers, lost } = await openLookup({ query: world(ZONE) }).findAuthorities(
    'a.chat.example.com',
  );
  expect(zone).toBe('example.com');
  expect(servers).toEqual([
    { name: 'ns1.example.net', addresses: ['192.0.2.1', '2001:db8::1'] },
    { name: 'ns2.example.net', addresses: ['192.0.2.2'] },
  ]);
  expect(lost).toEqual([]);
});

test('an alias is no zone, although its target is one', async () => {
  const query = world({
    ...ZONE,
    'chat.example.com SOA': [{}],
    'chat.example.com CNAME': ['other.example.org'],
  });
  expect((await openLookup({ query }).findAuthorities('chat.example.com')).zone).toBe('example.com');
});

test('a top-level domain is nobody’s zone', async () => {
  const query = world({ 'com SOA': [{}], 'com NS': ['a.gtld.example'] });
  await expect(openLookup({ query }).findAuthorities('chat.example.com')).rejects.toMatchObject({
    code: 'DNS_ZONE_UNKNOWN',
  });
});

test('a resolver that fails is not taken for "no such zone"', async () => {
  const query = world({ ...ZONE, 'chat.example.com SOA': 'ESERVFAIL' });
  await expect(openLookup({ query }).findAuthorities('chat.example.com')).rejects.toMatchObject({
    code: 'DNS_LOOKUP_FAILED',
  });
});

test('name servers that are no names, or more than anybody has, are left out', async () => {
  const many = Array.from({ length: 500 }, (_, index) => `ns${index}.example.net`);
  const query = world({ ...ZONE, 'example.com NS': ['../x', 7, 'ns1.example.net', ...many] });
  const { servers, lost } = await openLookup({ query }).findAuthorities('example.com');
  expect(servers.length + lost.length).toBeLessThanOrEqual(16);
});

const ask = async (answers: Readonly<Record<string, readonly unknown[] | string>>) => {
  const lookup = openLookup({ query: world({ ...ZONE, ...answers }) });
  const authorities = await lookup.findAuthorities('chat.example.com');
  return (await lookup.askAuthorities(authorities, 'chat.example.com', 'A')).map(({ answer }) => answer);
};
const A = (address: string): readonly unknown[] => [{ address, ttl: 60 }];

test('an address of a server that does not answer is left out when another one does', async () => {
  const [first, second] = await ask({
    '192.0.2.1 chat.example.com A': A('203.0.113.5'),
    '2001:db8::1 chat.example.com CNAME': 'ECONNREFUSED',
    '192.0.2.2 chat.example.com CNAME': 'ETIMEOUT',
  });
  expect(first).toMatchObject({ kind: 'records', records: [{ data: { address: '203.0.113.5' } }] });
  expect(second).toEqual({ kind: 'failed', reason: 'ETIMEOUT' });
});

test('a server whose addresses say different things has said nothing', async () => {
  const [first] = await ask({
    '192.0.2.1 chat.example.com A': A('203.0.113.5'),
    '2001:db8::1 chat.example.com A': A('203.0.113.6'),
  });
  expect(first).toEqual({ kind: 'failed', reason: 'its addresses give different answers' });
});

test('what a server adds of the target of an alias is not what the name holds', async () => {
  const [first] = await ask({
    '192.0.2.1 chat.example.com CNAME': ['x.example.com'],
    '2001:db8::1 chat.example.com CNAME': ['x.example.com'],
    '192.0.2.1 chat.example.com A': A('203.0.113.5'),
  });
  expect(first).toEqual({ kind: 'alias', target: 'x.example.com' });
});

test('whatever a server sends, what comes out is records of the type that was asked for', () => {
  fc.assert(
    fc.property(fc.constantFrom(...RECORD_TYPES), fc.array(fc.anything()), (type, raw) => {
      expect(parseRecords(type, raw).every(({ data }) => data.type === type)).toBe(true);
    }),
  );
});

test.each([
  ['a tag called critical', { critical: 'ca.example', type: 'CAA' }],
  ['a tag called type, with that very value', { critical: 0, type: 'CAA' }],
  ['no tag', { critical: 0 }],
  ['two tags', { critical: 0, issue: 'a', issuewild: 'b' }],
  ['flags that are none', { critical: 256, issue: 'a' }],
  ['a tag with a blank', { critical: 0, 'is sue': 'a' }],
  ['nothing', null],
])('a CAA property with %s is kept as one that forbids', (_, raw) => {
  expect(parseRecords('CAA', [raw])[0]?.data).toMatchObject({ flags: 128, tag: 'unreadable' });
});

/** A server that sends `answers` to every question. */
async function withServer<T>(
  answers: (query: Buffer) => readonly Buffer[],
  use: (server: { address: string; port: number }) => Promise<T>,
): Promise<T> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.on('message', (query, from) => {
    for (const answer of answers(query)) socket.send(answer, from.port, from.address);
  });
  try {
    return await use({ address: '127.0.0.1', port: socket.address().port });
  } finally {
    socket.close();
  }
}

/** The answer to a query: flags and number of answers. */
function answerTo(query: Buffer, flags = 0x8180, answers = 1): Buffer {
  const answer = Buffer.from(query);
  answer.writeUInt16BE(flags, 2);
  answer.writeUInt16BE(answers, 6);
  return answer;
}

const headOf = (answers: (query: Buffer) => readonly Buffer[]) =>
  withServer(answers, (server) => queryDnsHead('example.com', 43, server, 300));

test('the head of an answer is read: status, number of answers, whether it was validated', async () => {
  expect(await headOf((query) => [answerTo(query)])).toEqual({
    status: 0,
    answers: 1,
    isAuthenticated: false,
  });
  expect(await headOf((query) => [answerTo(query, 0x81a3, 0)])).toEqual({
    status: 3,
    answers: 0,
    isAuthenticated: true,
  });
});

test('answers to other questions, of other numbers, or that are none, are waited past', async () => {
  const forged = (query: Buffer, at: number): Buffer => {
    const answer = answerTo(query, 0x8180, 9);
    answer.writeUInt8((answer[at] ?? 0) ^ 1, at);
    return answer;
  };
  const head = await headOf((query) => [
    Buffer.alloc(0),
    Buffer.from([1]),
    answerTo(query).subarray(0, 12),
    forged(query, 0),
    forged(query, 14),
    forged(query, query.length - 3),
    answerTo(query, 0x0100, 9),
    answerTo(query, 0x8180, 2),
  ]);
  expect(head?.answers).toBe(2);
});

test('no answer in time is none', async () => {
  expect(await headOf(() => [])).toBeUndefined();
});

test.each([
  [{ status: 0, answers: 1, isAuthenticated: false }, true],
  [{ status: 0, answers: 0, isAuthenticated: false }, false],
  [{ status: 2, answers: 0, isAuthenticated: false }, undefined],
  [undefined, undefined],
])('a zone with the DS answer %j is signed: %s', async (head, expected) => {
  const lookup = openLookup({
    resolver: { address: '192.0.2.53', port: 53 },
    queryHead: () => Promise.resolve(head),
  });
  expect(await lookup.isSigned('example.com')).toBe(expected);
});
