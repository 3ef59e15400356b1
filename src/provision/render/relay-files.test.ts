import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { isPosternError } from '../../core/errors/index.ts';
import { runProcess } from '../../platform/processes.ts';
import { relayFiles } from './relay-files.ts';
import { type RelayInput, checkRelayInput, relayInputOf, siteOf } from './relay-input.ts';
import { inlineSession, sessionScript } from '../../core/session-script.ts';
import { setupScript, takeBackScript } from './setup-commands.ts';
import { ordinaryAccountKeyLine } from './sshd.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGl0c2VsZiBpcyBub3QgYSByZWFsIGtleSBhdCBhbGwh';
const plain: RelayInput = {
  home: 'mac',
  connections: 2,
  httpsPort: 443,
  nginxGroup: 'www-data',
  publicKey: KEY,
  homeNames: ['chat.example.com', 'nas.example.com'],
  sites: [],
};
const inputs: Readonly<Record<string, RelayInput>> = {
  home: plain,
  relay: { ...plain, homeNames: [], sites: [siteOf('dev.example.com', '/etc/nginx/dev.htpasswd')] },
  mixed: {
    ...plain,
    home: 'lab-2',
    httpsPort: 8443,
    nginxGroup: 'nginx',
    sites: [siteOf('dev.example.com')],
  },
};

const textOf = (input: RelayInput): string => {
  const files = relayFiles(input);
  const parts = files.map(
    (file) => `--- ${file.path} ${file.owner}:${file.group} ${file.mode}\n${file.content}`,
  );
  return [
    ...parts,
    `--- setup.sh\n${setupScript(input, files)}`,
    `--- take-back.sh\n${takeBackScript(input, files)}`,
  ].join('\n');
};

test.for(Object.keys(inputs))('the files of a relay are exactly these: %s', async (name) => {
  const golden = join(import.meta.dirname, '../../../test/golden/relay', `${name}.txt`);
  await expect(textOf(inputs[name] as RelayInput)).toMatchFileSnapshot(golden);
});

test('what the configuration says is what the files hold', () => {
  const config = configSchema.parse({
    home: 'mac',
    relay: { host: 'relay.example.com' },
    gate: 'gate.example.com',
    link: { connections: 3 },
    services: [
      { name: 'chat.example.com', to: 'http://127.0.0.1:1' },
      {
        name: 'dev.example.com',
        to: 'http://127.0.0.1:2',
        tls: 'relay',
        basicAuth: { file: '/etc/dev.htpasswd' },
      },
    ],
  });
  expect(relayInputOf(config, `${KEY} somebody's laptop; $(id)\n`)).toEqual({
    home: 'mac',
    connections: 3,
    httpsPort: 443,
    nginxGroup: 'www-data',
    publicKey: KEY,
    homeNames: ['chat.example.com', 'gate.example.com'],
    sites: [siteOf('dev.example.com', '/etc/dev.htpasswd')],
  });
});

function refuses(input: RelayInput): boolean {
  try {
    checkRelayInput(input);
    return false;
  } catch (error) {
    if (isPosternError(error) && error.code === 'RELAY_VALUE_UNSAFE') return true;
    throw error;
  }
}

test('a home cannot be called like a file that all homes of a relay share', () => {
  expect(refuses({ ...plain, home: 'listen-443' })).toBe(true);
  expect(refuses({ ...plain, home: 'listen' })).toBe(false);
});

test('no odd value gets into a text: it is refused, or it is plain and changes no other line', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .tuple(
        fc.constantFrom('mac', 'chat.example.com', KEY, '/etc/a'),
        fc.constantFrom(
          '\n',
          ' ',
          '"',
          "'",
          ';',
          '$(id)',
          '`id`',
          '{',
          '}',
          '#',
          '\\',
          '\0',
          '\r',
          '%',
          '*',
          '\u2028',
        ),
        fc.string(),
      )
      .map((parts) => parts.join('')),
  );
  const fields: readonly ((value: string) => RelayInput)[] = [
    (value) => ({ ...plain, home: value }),
    (value) => ({ ...plain, nginxGroup: value }),
    (value) => ({ ...plain, publicKey: value }),
    (value) => ({ ...plain, homeNames: [value] }),
    (value) => ({ ...plain, sites: [siteOf(value)] }),
    (value) => ({ ...plain, sites: [siteOf('dev.example.com', value)] }),
  ];
  fc.assert(
    fc.property(odd, fc.constantFrom(...fields), (value, put) => {
      const isRefused = refuses(put(value));
      const isPlain = /^[A-Za-z0-9+/=@._ -]+$/.test(value) && value.trim() === value;
      expect(isRefused || isPlain).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('names of any length and number get a line each in the map', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
  const names = fc.uniqueArray(
    fc.array(label, { minLength: 2, maxLength: 9 }).map((labels) => labels.join('.')),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(names, (homeNames) => {
      const map = relayFiles(checkRelayInput({ ...plain, homeNames })).find((file) =>
        file.path.endsWith('.map'),
      );
      expect(map?.content.trimEnd().split('\n')).toEqual([
        '# managed by postern: mac',
        ...homeNames.map((name) => `${name} postern_mac;`),
      ]);
    }),
    { numRuns: 100 },
  );
});

test('the session script is clean for shellcheck, and so are set-up and way back', async () => {
  const scripts = [
    sessionScript(),
    ...Object.values(inputs).flatMap((input) => {
      const files = relayFiles(input);
      return [setupScript(input, files), takeBackScript(input, files)];
    }),
  ];
  for (const script of scripts) {
    const { status, startError, stdout } = await runProcess('shellcheck', ['-s', 'sh', '-'], {
      input: script,
    });
    expect(startError, 'shellcheck is one of the programs that npm test installs').toBeUndefined();
    expect(stdout).toBe('');
    expect(status).toBe(0);
  }
});

test.for(['dash', 'busybox'])('%s understands the session script', async (shell) => {
  const args = shell === 'busybox' ? ['sh', '-n'] : ['-n'];
  for (const script of [sessionScript(), inlineSession('mac', 1)]) {
    const { status, stderr } = await runProcess(shell, args, { input: script });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  }
});

test('the inline session is one command with one quoted word, and takes no odd home or slot', () => {
  const text = inlineSession('mac', 3);
  expect(text).toMatch(/^exec sh -c '[^']*(?:'\\''[^']*)*' postern$/);
  expect(text).toContain('slot=3\n');
  expect(text).not.toContain('#!');
  for (const home of ['', 'a b', "a'b", '$(id)', '../x', 'X'.repeat(99)]) {
    expect(() => inlineSession(home, 1)).toThrow('home is not an ID');
  }
  for (const slot of [0, 9, 1.5, Number.NaN])
    expect(() => inlineSession('mac', slot)).toThrow('slot is not 1 to 8');
});

test('the key of an ordinary account may listen on its loopback ports only', () => {
  expect(ordinaryAccountKeyLine(plain, [20_001, 20_002])).toBe(
    `restrict,port-forwarding,permitlisten="127.0.0.1:20001",permitlisten="127.0.0.1:20002",permitopen="127.0.0.1:1" ${KEY} postern:mac`,
  );
});
