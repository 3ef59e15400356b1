import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sshArguments } from './argv.ts';
import type { Forward, RelayAddress } from './contract.ts';

const relay: RelayAddress = {
  host: '203.0.113.5',
  port: 22,
  account: 'postern-mac',
  identityFile: '/home/me/.postern/ssh/key',
  knownHostsFile: '/home/me/.postern/ssh/known_hosts',
};
const forward: Forward = {
  remote: { path: '/var/lib/postern/mac/1.sock' },
  local: { path: '/home/me/.postern/run/1.sock' },
};
const make = (
  change: Partial<RelayAddress> = {},
  forwards: readonly Forward[] = [forward],
  remoteCommand = 'link 1',
): string[] => sshArguments({ relay: { ...relay, ...change }, forwards, remoteCommand, hasAes: true });

/** The values of -o, by name. */
const optionsOf = (args: readonly string[]): Map<string, string> =>
  new Map(
    args.flatMap((arg, index) => {
      const [name = '', ...value] = args[index - 1] === '-o' ? arg.split('=') : [];
      return name === '' ? [] : [[name, value.join('=')] as const];
    }),
  );

test('a session and never -N, -f or a terminal; nothing of the user configuration', () => {
  const args = make();
  expect(args.slice(0, 3)).toEqual(['-F', 'none', '-T']);
  for (const flag of ['-N', '-f', '-t', '-A', '-X', '-M']) expect(args).not.toContain(flag);
  expect(args.slice(-3)).toEqual(['--', '203.0.113.5', 'link 1']);
  const options = optionsOf(args);
  expect(Object.fromEntries(options)).toMatchObject({
    BatchMode: 'yes',
    ExitOnForwardFailure: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: '"/home/me/.postern/ssh/known_hosts"',
    GlobalKnownHostsFile: 'none',
    IdentitiesOnly: 'yes',
    IdentityFile: '"/home/me/.postern/ssh/key"',
    ControlMaster: 'no',
    ControlPath: 'none',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    ForwardAgent: 'no',
    Compression: 'no',
    TCPKeepAlive: 'no',
  });
});

test('no key file: the keys of the agent, all of them', () => {
  const options = optionsOf(make({ identityFile: undefined }));
  expect(options.has('IdentitiesOnly')).toBe(false);
  expect(options.has('IdentityFile')).toBe(false);
});

test('gcm first where the processor has AES instructions, chacha20 first elsewhere, both always offered', () => {
  const first = (hasAes: boolean): string | undefined =>
    optionsOf(sshArguments({ relay, forwards: [], remoteCommand: 'link 1', hasAes })).get('Ciphers');
  expect(first(true)).toMatch(/^aes128-gcm@openssh\.com,.*chacha20-poly1305@openssh\.com/);
  expect(first(false)).toMatch(/^chacha20-poly1305@openssh\.com,aes128-gcm@openssh\.com/);
});

test('forwards by path, by port, by IPv6 address', () => {
  const args = make({}, [
    forward,
    { remote: { host: '127.0.0.1', port: 18_801 }, local: { host: '::1', port: 8443 } },
  ]);
  const forwards = args.filter((_, index) => args[index - 1] === '-R');
  expect(forwards).toEqual([
    '/var/lib/postern/mac/1.sock:/home/me/.postern/run/1.sock',
    '127.0.0.1:18801:[::1]:8443',
  ]);
});

describe('nothing can be read as an option or as something else than it is', () => {
  const refused = (act: () => unknown): void =>
    expect(act).toThrow(expect.objectContaining({ code: 'SSH_ARGUMENT_REFUSED' }));

  test.each(['-oProxyCommand=id', '', ' a', 'a b', 'a\nb', 'user@host', 'ho;st', '-'])('host %j', (host) =>
    refused(() => make({ host })),
  );
  test.each(['-l', '', 'a b', 'a;b', 'a\0'])('account %j', (account) => refused(() => make({ account })));
  test.each([0, -1, 65_536, 1.5, Number.NaN])('port %d', (port) => refused(() => make({ port })));
  test.each(['relative/key', '/a"b', '/a\nb', '/${HOME}/key', '', '~/.ssh/id'])(
    'key file %j',
    (identityFile) => refused(() => make({ identityFile })),
  );
  test.each(['/a:b', '/a%h', '/a$b', '/a\\b', 'a', '/a"b', "/a'b", '/a\nb', '/[x]'])('socket %j', (path) => {
    refused(() => make({}, [{ ...forward, local: { path } }]));
    refused(() => make({}, [{ ...forward, remote: { path } }]));
  });
  test.each(['', '-v', 'link\0 1'])('remote command %j', (command) =>
    refused(() => make({}, [forward], command)),
  );

  test('whatever a host is: one argument behind --, or an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (host) => {
        let args: string[];
        try {
          args = make({ host });
        } catch {
          return;
        }
        expect(args.indexOf('--')).toBe(args.length - 3);
        expect(args.at(-2)).toBe(host);
        expect(host.startsWith('-')).toBe(false);
      }),
    );
  });
});

test('Windows paths are written with slashes', () => {
  const options = optionsOf(make({ identityFile: String.raw`C:\Users\me\key` }));
  expect(options.get('IdentityFile')).toBe('"C:/Users/me/key"');
});
