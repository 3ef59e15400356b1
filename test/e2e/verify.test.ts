import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { chmod, copyFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { surroundingsOf } from '../../src/cli/verify-surroundings.ts';
import { connectToDaemon } from '../../src/daemon/control/client.ts';
import type { Gatekeeper, RequestFacts } from '../../src/edge/auth/contract.ts';
import { type RunResult, runProcess } from '../../src/platform/processes.ts';
import type { CheckResult, Surroundings, Verification } from '../../src/verify/contract.ts';
import { verify } from '../../src/verify/run.ts';
import { makeCertificate } from '../support/dated-certificate.ts';
import { must } from '../support/namespace.ts';
import { type Published, publish } from '../support/published.ts';
import { waitFor } from '../support/wait-for.ts';

/**
 * Every wrong door is opened on purpose, on a real relay with a real daemon: exactly that check has to see it.
 */

const NAME = 'chat.example.test';
const PROGRAM = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));

let service: Server;
let port = 0;
let published: Published;
/** What a broken login lets in. */
let letsIn: (facts: RequestFacts) => boolean = () => false;

beforeAll(async () => {
  service = createServer((_, response) => response.end('the secret page'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  port = (service.address() as AddressInfo).port;
  published = await publish({
    name: NAME,
    to: `http://127.0.0.1:${port}`,
    parts: (real) => ({
      ...real,
      openLogin: async (options) => {
        const login = await real.openLogin(options);
        return { ...login, gatekeeper: withHoles(login.gatekeeper), close: () => login.close() };
      },
    }),
  });
  await writeFile(published.folder.configFile, JSON.stringify(published.config), { mode: 0o600 });
  await published.becomes('open');
});
afterAll(async () => {
  await published?.stop();
  service?.close();
  service?.closeAllConnections();
});

function withHoles(real: Gatekeeper): Gatekeeper {
  const decide: Gatekeeper['decide'] = (facts) =>
    letsIn(facts)
      ? {
          kind: 'allow',
          principal: { kind: 'session', id: 's', deviceId: 'd', userName: 'ann' },
          removeAuthorization: false,
        }
      : real.decide(facts);
  return new Proxy(real, {
    get: (target, key: keyof Gatekeeper) => {
      if (key === 'decide') return decide;
      const value = target[key];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function look(
  change: (real: Surroundings) => Partial<Surroundings> = () => ({}),
): Promise<Verification> {
  const { config, folder } = published;
  const daemon = await connectToDaemon(folder);
  const home = {
    config,
    configPath: folder.configFile,
    folder,
    env: process.env,
    daemon,
    relayShell: undefined,
  };
  const surroundings = await surroundingsOf(home);
  return verify({ surroundings: { ...surroundings, ...change(surroundings) } });
}

const onRelay = (script: string): Promise<string> => must(published.lab.run('relay', 'sh', ['-c', script]));
const withRelay = (): Partial<Surroundings> => ({
  relayShell: async (text, args) => {
    const { status, stdout } = await published.lab.run('relay', 'sh', ['-c', text, 'sh', ...args]);
    return { status: status ?? 1, stdout };
  },
});

const codesOf = ({ checks }: Verification, outcome: CheckResult['outcome']): string[] =>
  checks.filter((check) => check.outcome === outcome).map(({ code }) => code);
const openOf = (verification: Verification): string[] => codesOf(verification, 'open');

async function postern(...args: string[]): Promise<RunResult> {
  const env = { ...process.env, NO_COLOR: '1', POSTERN_HOME: published.folder.root };
  return runProcess(process.execPath, [PROGRAM, ...args], { env });
}

/** A web server on the relay with content and a certificate of its own, and `map` lines that lead to it. */
async function publishContent(mapLines: string): Promise<() => Promise<void>> {
  await onRelay(`set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=other \
  -keyout /etc/nginx/other.key -out /etc/nginx/other.pem 2>/dev/null
cat >/etc/nginx/conf.d/other.conf <<'END'
server { listen 127.0.0.1:8443 ssl default_server proxy_protocol;
  ssl_certificate /etc/nginx/other.pem; ssl_certificate_key /etc/nginx/other.key; location / { return 200 content; } }
END
cp /etc/nginx/postern.d/names/x.map /root/x.map
cat >>/etc/nginx/postern.d/names/x.map <<'END'
${mapLines}
END
nginx -s reload`);
  return async () => {
    await onRelay(
      `cp /root/x.map /etc/nginx/postern.d/names/x.map; rm /etc/nginx/conf.d/other.conf; nginx -s reload`,
    );
    await isHealthyAgain();
  };
}

/** Several times in a row: for a moment after a reload, nginx's old generation takes some of the connections. */
const isHealthyAgain = (): Promise<unknown> => {
  let inARow = 0;
  return waitFor('every door is shut again', 15_000, async () => {
    inARow = openOf(await look()).length === 0 ? inARow + 1 : 0;
    return inARow === 5;
  });
};

/** nginx takes a moment for its new generation. */
async function findsOnly(code: string): Promise<Verification> {
  let last: Verification | undefined;
  await waitFor(`${code} is found`, 15_000, async () => {
    last = await look();
    return openOf(last).includes(code);
  });
  if (!last) throw new Error('nothing was looked at');
  expect(openOf(last)).toEqual([code]);
  return last;
}

describe('a healthy set-up', () => {
  test('has every door shut, and says what it has not looked at', async () => {
    const verification = await look();
    expect(
      verification.checks.filter(({ outcome }) => ['open', 'unknown', 'skipped'].includes(outcome)),
    ).toEqual([]);
    expect(codesOf(verification, 'shut')).toEqual([
      'CERTIFICATE_OURS',
      'CANARY',
      'LOGIN',
      'FORGED_ADDRESS',
      'FOREIGN_WEBSOCKET',
      'WRONG_HOST',
      'CERTIFICATE_VALID',
      'OLD_TLS',
      'PLAIN_HTTP',
      'OTHER_NAMES',
      'SERVICE_EXPOSED',
      'OWN_FILES',
    ]);
    expect(codesOf(verification, 'not-asked')).toEqual(['RELAY_PORTS', 'RELAY_SOCKETS', 'RELAY_FILES']);
    expect(verification.layers.map(({ state }) => state)).toEqual([
      'on',
      'on',
      'on',
      'not-applicable',
      'not-applicable',
      'not-looked-at',
    ]);
  });

  test('is told with requests, answers and times, and without the path of the canary', async () => {
    const { status, stdout } = await postern('verify', '--json');
    expect(status).toBe(0);
    const { checks } = JSON.parse(stdout) as Verification;
    const login = checks.find(({ code }) => code === 'LOGIN');
    expect(login?.exchanges).toMatchObject([
      {
        request: expect.stringContaining('GET / of chat.example.test at '),
        answer: expect.stringMatching(/^status 401; www-authenticate: Bearer/),
      },
      { request: expect.stringContaining('h2') },
    ]);
    for (const { exchanges } of checks)
      for (const { tookMs } of exchanges) expect(tookMs).toBeGreaterThanOrEqual(0);
    expect(stdout).toContain('/.well-known/[canary]');
    expect(stdout).not.toMatch(/\.well-known\/[\w-]{43}/);
  });

  test('reads well at 80 columns', async () => {
    const { status, stdout, stderr } = await postern('verify', NAME);
    expect({ status, stderr: stderr.replaceAll(/^looking.*\n/gm, '') }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toContain('The relay was last looked at from inside: never.');
    expect(stdout).toMatch(/The six layers of chat\.example\.test\n {2}1 on /);
    expect(stdout).toMatch(/6 not looked at {3}nothing on the relay/);
  });

  test('a name that is not in the configuration is a mistake of use', async () => {
    expect(await postern('verify', 'caht.example.test')).toMatchObject({
      status: 64,
      stdout: '',
      stderr: expect.stringContaining('did you mean chat.example.test?'),
    });
  });
});

describe('one fault, one finding', () => {
  test('a relay that answers every other name', async () => {
    const undo = await publishContent('default 127.0.0.1:8443;'.replace('default', '~.* '));
    const { checks } = await findsOnly('OTHER_NAMES');
    expect(checks.find(({ code }) => code === 'OTHER_NAMES')?.evidence).toContain('answered status 200');
    await undo();
  });

  test('a second name that answers', async () => {
    const undo = await publishContent(`www.${NAME} 127.0.0.1:8443;`);
    await findsOnly('OTHER_NAMES');
    await undo();
  });

  test('somebody else who ends TLS for the name: nothing else is said about that stranger', async () => {
    const undo = await publishContent('').then(async (restore) => {
      await onRelay(
        `sed -i 's/^${NAME} .*/${NAME} 127.0.0.1:8443;/' /etc/nginx/postern.d/names/x.map; nginx -s reload`,
      );
      return restore;
    });
    const verification = await findsOnly('CERTIFICATE_OURS');
    expect(codesOf(verification, 'skipped')).toContain('LOGIN');
    expect(verification.layers[0]?.state).toBe('off');
    await undo();
  });

  test('content on port 80', async () => {
    await onRelay(`cat >/etc/nginx/conf.d/00-other.conf <<'END'
server { listen 80; server_name ${NAME}; location / { return 200 content; } }
END
nginx -s reload`);
    await findsOnly('PLAIN_HTTP');
    await onRelay('rm /etc/nginx/conf.d/00-other.conf; nginx -s reload');
    await isHealthyAgain();
  });

  test('a service that listens on every address', async () => {
    service.close();
    service.closeAllConnections();
    const wide = createServer((_, response) => response.end('x')).listen(port, '0.0.0.0');
    await once(wide, 'listening');
    const verification = await look();
    wide.close();
    wide.closeAllConnections();
    service.listen(port, '127.0.0.1');
    await once(service, 'listening');
    expect(openOf(verification)).toEqual(['SERVICE_EXPOSED']);
  });

  test('a key that others may read', async () => {
    const key = join(published.folder.certs, 'key.pem');
    await chmod(key, 0o644);
    const verification = await look();
    await chmod(key, 0o600);
    expect(openOf(verification)).toEqual(['OWN_FILES']);
    expect(verification.checks.find(({ code }) => code === 'OWN_FILES')?.evidence).toBe(
      `others may read ${key} (0644)`,
    );
  });

  test('a certificate that has ended', async () => {
    const { certs } = published.folder;
    const files = ['cert.pem', 'key.pem'];
    for (const file of files) await copyFile(join(certs, file), join(certs, `${file}.kept`));
    const day = 24 * 3_600_000;
    const expired = await makeCertificate(NAME, Date.now() - 30 * day, Date.now() - day);
    await writeFile(join(certs, 'key.pem'), expired.key, { mode: 0o600 });
    await writeFile(join(certs, 'cert.pem'), expired.cert);
    await findsOnly('CERTIFICATE_VALID');
    for (const file of files.toReversed()) await copyFile(join(certs, `${file}.kept`), join(certs, file));
    await isHealthyAgain();
  });
});

describe('on the relay, as root', () => {
  const relayChecks = async (): Promise<CheckResult[]> =>
    (await look(withRelay)).checks.filter(({ code }) => code.startsWith('RELAY_'));
  const openOnRelay = async (): Promise<string[]> =>
    (await relayChecks()).filter(({ outcome }) => outcome === 'open').map(({ code }) => code);

  test('a relay as Postern sets it up holds nothing, and the last layer is on', async () => {
    const verification = await look(withRelay);
    expect(
      verification.checks.filter(({ code, outcome }) => code.startsWith('RELAY_') && outcome !== 'shut'),
    ).toEqual([]);
    expect(verification.layers.at(-1)?.state).toBe('on');
  });

  test.each([
    [
      'RELAY_SOCKETS',
      'a folder that everybody may enter',
      'chmod 2777 /var/lib/postern/x',
      'chmod 2710 /var/lib/postern/x',
    ],
    [
      'RELAY_FILES',
      'a private key beside the sockets',
      'cp /etc/ssh/ssh_host_ed25519_key /var/lib/postern/x/key',
      'rm /var/lib/postern/x/key',
    ],
    [
      'RELAY_FILES',
      'a certificate of the name',
      `mkdir -p /etc/letsencrypt/live/${NAME}`,
      `rm -r /etc/letsencrypt/live/${NAME}`,
    ],
  ])('%s: %s', async (code, _, open, shut) => {
    await onRelay(open);
    expect(await openOnRelay()).toEqual([code]);
    await onRelay(shut);
  });

  test('postern verify --relay-root looks by one login of the operator, and status says when that was', async () => {
    const { config, folder, lab } = published;
    const [sshConfig, withUser] = [join(folder.root, 'ssh_config'), join(folder.root, 'operator.yaml')];
    await writeFile(
      sshConfig,
      `IdentityFile ${join(lab.folder, 'operator')}\nIdentitiesOnly yes\nIdentityAgent none\n`,
    );
    await writeFile(withUser, JSON.stringify({ ...config, relay: { ...config.relay, user: 'root' } }), {
      mode: 0o600,
    });
    const { status, stdout } = await postern(
      'verify',
      '--relay-root',
      '--config',
      withUser,
      '--ssh-config',
      sshConfig,
    );
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('6 on              nothing on the relay'),
    });
    expect((await postern('status')).stdout).toMatch(/last looked at from inside: \d+ s ago/);
    expect(await postern('verify', '--relay-root')).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('[VERIFY_NO_RELAY_USER]'),
    });
  });

  test('RELAY_PORTS: a TCP port that the account of the link has opened', async () => {
    const script =
      'import socket,os,sys;os.setuid(int(sys.argv[1]));s=socket.socket();s.bind(("127.0.0.1",7777));s.listen();print("up",flush=True);sys.stdin.read()';
    const uid = (await onRelay('id -u postern-x')).trim();
    const child = published.lab.spawn('relay', 'python3', ['-c', script, uid]);
    await once(child.stdout, 'data');
    expect(await openOnRelay()).toEqual(['RELAY_PORTS']);
    child.stdin.end();
    await child.ended;
  });
});

describe('a login that does not hold', () => {
  const isServiceOpen = (): boolean => published.daemon.status().services[0]?.isOpen === true;

  test.each([
    ['LOGIN', 'everybody is let in', () => true],
    ['FOREIGN_WEBSOCKET', 'handshakes are let in', ({ isUpgrade }: RequestFacts) => isUpgrade],
  ])('%s: %s: exactly that is found, and the door is shut until it holds again', async (code, _, hole) => {
    letsIn = hole;
    const verification = await look();
    expect(openOf(verification)).toEqual([code]);
    expect(verification.shutServices).toEqual([NAME]);
    expect(isServiceOpen()).toBe(false);
    expect(published.daemon.status().alerts.map((alert) => alert.code)).toContain('VERIFY_LOGIN_OFF');
    letsIn = () => false;
    await waitFor('the service is open again', 25_000, isServiceOpen);
  });
});

test('without a link nothing is called shut: it could not look, with status 69', async () => {
  await published.daemon.stop();
  const { status, stdout, stderr } = await postern('verify');
  expect({ status, stdout }).toMatchObject({ status: 69 });
  expect(stderr).toContain('[VERIFY_COULD_NOT_LOOK]');
  expect(stdout).toContain('could not look');
  expect(stdout).toMatch(/skipped +strangers are asked to sign in/);
  expect(stdout).not.toMatch(/^ +shut +(other names|plain HTTP)/m);
});
