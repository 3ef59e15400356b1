import { randomBytes } from 'node:crypto';
import { printable } from '../../core/printable.ts';
import { accountOf, stateFolderOf } from '../../core/relay-layout.ts';
import type { Finding, LookInput } from '../contract.ts';
import { notApplicable, tryVisit, unknown } from '../exchange.ts';
import { FILES_SCRIPT, PORTS_SCRIPT, SOCKETS_SCRIPT } from './scripts.ts';

const NOT_ASKED: Finding = {
  outcome: 'not-asked',
  evidence: 'not looked at; do it with postern verify --relay-root',
};
const MAX_LINES = 2000;

/** Runs a script on the relay; its lines are hostile until they fit a pattern. */
async function ask(
  input: LookInput,
  script: { readonly name: string; readonly text: string },
  args: readonly string[],
  judge: (lines: readonly string[]) => Pick<Finding, 'outcome' | 'evidence'>,
): Promise<Finding> {
  const { relayShell, clock } = input;
  if (!relayShell) return NOT_ASKED;
  const startMs = clock.monotonicMs();
  const { status, stdout } = await relayShell(script.text, args);
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, MAX_LINES);
  const exchanges = [
    {
      request: script.name,
      answer: printable(`status ${status}, ${lines.length} lines; ${lines.slice(0, 3).join(' | ')}`, 200),
      tookMs: Math.round(clock.monotonicMs() - startMs),
    },
  ];
  if (status !== 0) return { ...unknown(`the script on the relay ended with status ${status}`), exchanges };
  const { outcome, evidence } = judge(lines);
  return { outcome, evidence: printable(evidence, 300), exchanges };
}

interface Listener {
  readonly port: number;
  readonly program: string;
  readonly user: string;
}

/** `ADDRESS:PORT PROGRAM USER` */
function listenersOf(lines: readonly string[]): readonly Listener[] {
  return lines.flatMap((line) => {
    const [, port, program, user] = /^\S*:(\d{1,5}) (\S+) (\S+)$/.exec(line) ?? [];
    return port === undefined ? [] : [{ port: Number(port), program: program ?? '', user: user ?? '' }];
  });
}

export function lookAtRelayPorts(input: LookInput): Promise<Finding> {
  const { config, services, targetOf } = input;
  const allowed = config.relay.forward === 'port' ? config.relay.ports : [];
  const ports = services.flatMap((service) => {
    const port = targetOf(service)?.port;
    if (port === undefined) return [];
    return service.kind === 'openclaw' ? [port, port + 1, port + 2] : [port];
  });
  const account = config.relay.account ?? accountOf(config.home);
  return ask(input, { name: 'who listens on the relay (ss -ltnp)', text: PORTS_SCRIPT }, [], (lines) => {
    const found = listenersOf(lines).filter(
      ({ port, program, user }) =>
        !allowed.includes(port) && (user === account || (program.startsWith('sshd') && ports.includes(port))),
    );
    return found.length === 0
      ? { outcome: 'shut', evidence: `none of ${lines.length} listeners is a tunnel to a service` }
      : {
          outcome: 'open',
          evidence: found
            .map(({ port, program, user }) => `port ${port} is open (${program}, ${user})`)
            .join('; '),
        };
  });
}

export function lookAtRelaySockets(input: LookInput): Promise<Finding> {
  const { config } = input;
  if (config.relay.forward === 'port') {
    return Promise.resolve(
      input.relayShell ? notApplicable('forward: port: any user of the relay can open the ports') : NOT_ASKED,
    );
  }
  const account = config.relay.account ?? accountOf(config.home);
  const folder = stateFolderOf(config.home);
  const name = `who may open the sockets in ${folder} (stat)`;
  return ask(input, { name, text: SOCKETS_SCRIPT }, [folder], (lines) => {
    const faults = lines.flatMap((line) => faultOfEntry(line, folder, account, config.relay.nginxGroup));
    if (!lines.some((line) => line.endsWith(` ${folder}`))) faults.push(`${folder} is not there`);
    return faults.length === 0
      ? { outcome: 'shut', evidence: `${folder} and ${lines.length - 1} sockets: ${account} and nginx alone` }
      : { outcome: 'open', evidence: faults.slice(0, 3).join('; ') };
  });
}

/** `MODE OWNER GROUP PATH` */
function faultOfEntry(line: string, folder: string, account: string, group: string): string[] {
  const [, mode, owner, owningGroup, path] = /^([0-7]{1,5}) (\S+) (\S+) (\/.*)$/.exec(line) ?? [];
  if (mode === undefined || path === undefined) return [`an entry cannot be read (${line})`];
  if (path === folder) {
    if ((Number.parseInt(mode, 8) & 0o007) !== 0)
      return [`every user of the relay may enter ${path} (${mode})`];
    return owningGroup === group ? [] : [`the group of ${path} is ${owningGroup}, not ${group}`];
  }
  return owner === account ? [] : [`${path} was opened by ${owner}, not by ${account}`];
}

/** A request line with a word that nobody else can know, so that it is found in a log if one was written. */
export async function lookAtRelayFiles(input: LookInput): Promise<Finding> {
  if (!input.relayShell) return NOT_ASKED;
  const { config, services, front } = input;
  const marker = `postern-verify-${randomBytes(8).toString('hex')}`;
  const blind = services.filter(({ tls }) => tls === 'home').map(({ name }) => name);
  for (const name of blind) {
    const parts = { method: 'GET', path: `/${marker}`, authority: name };
    await tryVisit(input, { ...parts, port: front.plainPort });
    await tryVisit(input, { ...parts, tls: { serverName: name, protocol: 'http/1.1' } });
  }
  const title = 'private keys, certificates and request lines on the relay (grep)';
  return ask(input, { name: title, text: FILES_SCRIPT }, [config.home, marker, ...blind], (lines) => {
    const faults = lines.map((line) =>
      line.replace(/^(key|certificate|log) /, (_, kind: string) => `${WORDS[kind] ?? kind} `),
    );
    return faults.length === 0
      ? { outcome: 'shut', evidence: 'no private key, no certificate of a name, no request line' }
      : { outcome: 'open', evidence: faults.slice(0, 4).join('; ') };
  });
}

const WORDS: Readonly<Record<string, string>> = {
  key: 'a private key lies in',
  certificate: 'a certificate of a tls: home name lies in',
  log: 'request lines are written to',
};
