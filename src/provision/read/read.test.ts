import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sshdSettings } from '../render/sshd.ts';
import { parseNginxDump } from './nginx-dump.ts';
import {
  ceilingNote,
  foreignStream,
  otherPortNotes,
  portObstacles,
  streamObstacles,
  unboundPorts,
  viewOf,
} from './nginx-view.ts';
import { type SshdAnswer, findSshdObstacles } from './sshd-effective.ts';

const DUMP = `# configuration file /etc/nginx/nginx.conf:
user www-data;
events { worker_connections 768; } # not { this }
http {
    log_format odd '{ "a": $b; }';
    include /etc/nginx/sites-enabled/*;
    server { listen [::]:8080 default_server; listen unix:/run/x.sock; }
}
stream {
    include /etc/nginx/streams/*.conf;
    server { listen 1.2.3.4:993; }
}

# configuration file /etc/nginx/sites-enabled/blog:
server {
    listen 443 ssl;
    location ~ "^/a{2,3};" { return 200 "\${x}; }"; }
    listen 80;
}

# configuration file /etc/nginx/streams/mail.conf:
include more/*.inc;
server { listen 8443; }

# configuration file /etc/nginx/more/x.inc:
server { listen 9443; }
`;

test("nginx's dump: ports, kinds, files and lines", () => {
  const { listens } = viewOf(DUMP, '');
  expect(listens.map(({ port, kind, file, line }) => `${port} ${kind} ${file}:${line}`)).toEqual([
    '8080 http /etc/nginx/nginx.conf:6',
    '993 stream /etc/nginx/nginx.conf:10',
    '443 http /etc/nginx/sites-enabled/blog:2',
    '80 http /etc/nginx/sites-enabled/blog:4',
    '8443 stream /etc/nginx/streams/mail.conf:2',
    '9443 stream /etc/nginx/more/x.inc:1',
  ]);
});

test('whatever a relay calls its configuration, a list comes out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      expect(Array.isArray(parseNginxDump(`# configuration file /x:\n${text}`))).toBe(true);
      expect(viewOf(text, text).listens).toEqual([]);
    }),
  );
});

test('a long text without an end is read in time', () => {
  for (const text of ['"'.repeat(300_000), '\\'.repeat(300_000), '${'.repeat(150_000), '{'.repeat(300_000)]) {
    const startedMs = performance.now();
    parseNginxDump(`# configuration file /x:\n${text}`);
    expect(performance.now() - startedMs).toBeLessThan(3000);
  }
});

const SOCKETS = `LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=2,fd=6),("nginx",pid=1,fd=6))
LISTEN 0 511 [::]:443 [::]:* users:(("caddy\u001b[2J",pid=9,fd=6))
`;

test('a foreign stream block, sites on the port and other programs stand in the way', () => {
  const view = viewOf(DUMP, SOCKETS);
  const said = streamObstacles(view, 443).map(({ sentence }) => sentence);
  expect(said).toHaveLength(3);
  expect(said[0]).toContain('belongs to another program: caddy');
  expect(said.join()).not.toContain('\u001b');
  expect(foreignStream(view)).toEqual({ place: '/etc/nginx/nginx.conf:8', includesOurs: false });
  expect(portObstacles(view, 80)).toEqual([]);
  expect(streamObstacles(viewOf('', ''), 443)).toEqual([]);
});

test('what would not be bound by a start from nothing: a port of two kinds, and one that nobody holds', () => {
  const both =
    '# configuration file /x:\nhttp { server { listen 80; listen 81; } }\nstream { server { listen 80; } }\n';
  expect(unboundPorts(viewOf(both, ''), SOCKETS)).toEqual([80, 81]);
});

test("a file of Postern's for another port is pointed out, the own one is not", () => {
  const file = (port: number): string =>
    `# configuration file /etc/nginx/postern.d/listen-${port}.conf:\nserver { listen ${port}; }\n`;
  const view = viewOf(file(443) + file(8443), '');
  expect(otherPortNotes(view, 8443)).toEqual([
    expect.stringContaining('rm /etc/nginx/postern.d/listen-443.conf'),
  ]);
  expect(otherPortNotes(viewOf(file(443), ''), 443)).toEqual([]);
});

test('the ceiling names its number and its line', () => {
  expect(ceilingNote(viewOf(DUMP, ''), 2)).toBe(
    'About 384 visitors at once for each worker of nginx (worker_connections 768, /etc/nginx/nginx.conf:2), and 2000 for the link.',
  );
});

const SETTINGS = sshdSettings('x');
const fine: SshdAnswer = {
  account: 'postern-x',
  before: '',
  test: '',
  effective: SETTINGS.map(([keyword, value]) => `${keyword.toLowerCase()} ${value}`).join('\n'),
  others: '',
  lines: ['/etc/ssh/sshd_config:3:Include /etc/ssh/sshd_config.d/*.conf'],
};

test('sshd as wanted: nothing stands in the way, denials of others included', () => {
  expect(findSshdObstacles(fine, SETTINGS)).toEqual([]);
  const others = `${fine.effective}\ndenyusers bob postern-y* p?stern\ndenygroups wheel`;
  expect(findSshdObstacles({ ...fine, effective: others }, SETTINGS)).toEqual([]);
});

test.each(['postern-x', 'postern-*', '*', 'p?stern-x', 'bob postern-x', 'postern-x@198.51.100.*'])(
  'DenyUsers %s keeps the account out',
  (patterns) => {
    const found = findSshdObstacles(
      { ...fine, effective: `${fine.effective}\ndenyusers ${patterns}` },
      SETTINGS,
    );
    expect(found).toHaveLength(1);
    expect(found[0]?.canAdopt).toBe(false);
  },
);

test.each(SETTINGS)('%s is compared', (keyword, value) => {
  const effective = fine.effective.replace(
    `${keyword.toLowerCase()} ${value}`,
    `${keyword.toLowerCase()} other`,
  );
  expect(findSshdObstacles({ ...fine, effective }, SETTINGS)[0]?.sentence).toContain(`${keyword} is other`);
});

test('what changes for another account is an obstacle', () => {
  expect(findSshdObstacles({ ...fine, others: 'user root\n< permittty yes' }, SETTINGS)[0]?.lines).toContain(
    'user root',
  );
});
