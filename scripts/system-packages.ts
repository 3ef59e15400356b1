import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that tests run and npm cannot bring. */
interface SystemProgram {
  readonly program: string;
  /** Its package on Debian and Ubuntu. */
  readonly package: string;
  /** What uses it. */
  readonly why: string;
  /** A file to look for where there is no program of that name. */
  readonly file?: string;
  /** A service that the package would start; it is stopped and stays off. */
  readonly service?: string;
}

export const SYSTEM_PROGRAMS: readonly SystemProgram[] = [
  { program: 'ssh', package: 'openssh-client', why: 'the link' },
  { program: 'sshd', package: 'openssh-server', why: 'the relay of the tests', service: 'ssh' },
  { program: 'nginx', package: 'nginx-light', why: 'the relay of the tests', service: 'nginx' },
  {
    program: 'nginx stream module',
    package: 'libnginx-mod-stream',
    why: 'the relay of the tests',
    file: '/usr/lib/nginx/modules/ngx_stream_module.so',
  },
  { program: 'ip', package: 'iproute2', why: 'namespaces of the tests' },
  { program: 'nft', package: 'nftables', why: 'faults of the tests' },
  { program: 'unshare', package: 'util-linux', why: 'namespaces of the tests' },
  { program: 'ps', package: 'procps', why: 'faults of the tests' },
  { program: 'curl', package: 'curl', why: 'visitors' },
  { program: 'openssl', package: 'openssl', why: 'certificates of the tests' },
  { program: 'pebble', package: 'pebble', why: 'certificates by ACME' },
  { program: 'htpasswd', package: 'apache2-utils', why: 'Basic auth on the relay' },
  { program: 'tcpdump', package: 'tcpdump', why: 'the proof that the relay is blind' },
  { program: 'strace', package: 'strace', why: 'the proof that the relay is blind' },
  { program: 'gcc', package: 'gcc', why: 'the emulated wire' },
  {
    program: 'C library headers',
    package: 'libc6-dev',
    why: 'the emulated wire',
    file: '/usr/include/stdio.h',
  },
  { program: 'atd', package: 'at', why: "the dead man's switch on a relay without systemd", service: 'atd' },
  { program: 'cron', package: 'cron', why: "the dead man's switch on a relay without systemd and at" },
  { program: 'faketime', package: 'faketime', why: 'a switch that fires without a minute of waiting' },
  {
    program: 'systemd-analyze',
    package: 'systemd',
    why: "checks the units of the dead man's switch",
  },
  { program: 'nsupdate', package: 'bind9-dnsutils', why: 'records by RFC 2136' },
  { program: 'named', package: 'bind9', why: 'authoritative servers of the tests', service: 'named' },
  { program: 'python3', package: 'python3', why: 'a foreign HTTP client' },
  { program: 'shellcheck', package: 'shellcheck', why: 'the scripts of the relay' },
  { program: 'busybox', package: 'busybox', why: 'the session script in another shell' },
  { program: 'chromium', package: 'chromium', why: 'the browser tests' },
];

/** How commands of root are started here: directly, by sudo without a password, or not at all. */
export type RootWay = readonly string[] | undefined;

export function findRootWay(): RootWay {
  if (process.getuid?.() === 0) return [];
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? ['sudo', '-n'] : undefined;
}

export function findMissing(programs: readonly SystemProgram[] = SYSTEM_PROGRAMS): readonly SystemProgram[] {
  return programs.filter((entry) =>
    entry.file === undefined ? !isInPath(entry.program) : !existsSync(entry.file),
  );
}

export interface PreparedSystem {
  /** Programs that are missing still. */
  readonly missing: readonly SystemProgram[];
  /** What a person has to do, when something is missing. */
  readonly advice: string | undefined;
}

/** Installs what is missing where it may: Debian or Ubuntu, as root or with sudo that asks for no password. */
export function prepareSystem(rootWay: RootWay): PreparedSystem {
  const missing = findMissing();
  if (missing.length === 0) return { missing, advice: undefined };
  const packages = [...new Set(missing.map((entry) => entry.package))];
  const names = missing.map((entry) => `${entry.program} (${entry.why})`).join(', ');
  if (!isDebian())
    return { missing, advice: `missing: ${names}. Install them with this system's package manager.` };
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (rootWay === undefined) return { missing, advice: `missing: ${names}.\n  sudo ${command}` };
  console.log(`Installing ${packages.join(' ')} …`);
  install(rootWay, packages, missing);
  const left = findMissing();
  return {
    missing: left,
    advice:
      left.length === 0
        ? undefined
        : `still missing: ${left.map((entry) => entry.program).join(', ')}.\n  ${command}`,
  };
}

const POLICY = '/usr/sbin/policy-rc.d';

/** A package must not open a port on this machine just because tests want its program: its service is not started, and off. */
function install(
  rootWay: readonly string[],
  packages: readonly string[],
  missing: readonly SystemProgram[],
): void {
  const apt = (...args: readonly string[]): boolean =>
    asRoot(rootWay, 'env', ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', ...args]);
  const isPolicyOurs = !existsSync(POLICY);
  const policy = 'printf \'#!/bin/sh\\nexit 101\\n\' >"$1" && chmod 755 "$1"';
  if (isPolicyOurs) asRoot(rootWay, 'sh', ['-c', policy, 'sh', POLICY]);
  try {
    apt('update');
    // One name that this release does not have would keep all the others away.
    const isDone = apt('install', '--no-install-recommends', ...packages);
    if (!isDone) for (const name of packages) apt('install', '--no-install-recommends', name);
  } finally {
    if (isPolicyOurs) asRoot(rootWay, 'rm', ['-f', POLICY]);
  }
  const services = missing.flatMap((entry) => entry.service ?? []);
  if (existsSync('/run/systemd/system') && services.length > 0) {
    asRoot(rootWay, 'systemctl', ['disable', '--now', ...services]);
  }
}

function asRoot(rootWay: readonly string[], file: string, args: readonly string[]): boolean {
  const [first, ...rest] = [...rootWay, file, ...args];
  return spawnSync(first as string, rest, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** sbin counts too: it is where sshd is, and often not in a user's PATH. */
function isInPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return folders.some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
