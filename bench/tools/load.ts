import { must } from '../../test/support/namespace.ts';
import type { Lab } from '../../test/support/relay.ts';
import type { Goal } from '../probes/goal.ts';

/** What a load generator reports. */
export interface LoadReport {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Answers that were not 2xx, and requests that got none. */
  readonly failed: number;
  /** Its own words. */
  readonly text: string;
}

/** wrk asks the resolver, so the name gets its address in a mount namespace of its own. */
const WITH_HOSTS =
  'printf "%s %s\\n" "$1" "$2" >"$3" && mount --bind "$3" /etc/hosts && shift 3 && exec "$@"';

const cookieArgs = ({ cookie }: Goal): string[] => (cookie ? ['-H', `Cookie: ${cookie}`] : []);
const urlOf = ({ name, port, path }: Goal): string =>
  `https://${name}${port === 443 ? '' : `:${port}`}${path}`;

/** HTTP/1.1: `connections` visitors in a closed loop, one request each at a time. */
export async function loadHttp1(
  lab: Lab,
  goal: Goal,
  connections: number,
  seconds: number,
): Promise<LoadReport> {
  const wrk = ['wrk', '-t2', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency'];
  const text = await must(
    lab.run(
      'client',
      'unshare',
      [
        '-m',
        'sh',
        '-c',
        WITH_HOSTS,
        'sh',
        goal.address,
        goal.name,
        `${lab.folder}/hosts`,
        ...wrk,
        ...cookieArgs(goal),
        urlOf(goal),
      ],
      { timeoutMs: (seconds + 30) * 1000 },
    ),
  );
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
  const odd = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  return {
    requests: numberIn(text, /(\d+) requests in/),
    requestsPerSecond: numberIn(text, /Requests\/sec:\s+([\d.]+)/),
    failed: odd + errors.slice(1).reduce((sum, count) => sum + Number(count), 0),
    text,
  };
}

/** HTTP/2: `connections` × `streams` requests at a time. */
export async function loadHttp2(
  lab: Lab,
  goal: Goal,
  { connections, streams, seconds }: { connections: number; streams: number; seconds: number },
): Promise<LoadReport> {
  const text = await must(
    lab.run(
      'client',
      'h2load',
      [
        `-D${seconds}`,
        `-c${connections}`,
        `-m${streams}`,
        '-t1',
        `--connect-to=${goal.address}:${goal.port}`,
        ...cookieArgs(goal),
        urlOf(goal),
      ],
      { timeoutMs: (seconds + 30) * 1000 },
    ),
  );
  const done = numberIn(text, /(\d+) done/);
  return {
    requests: done,
    requestsPerSecond: numberIn(text, /finished in [\d.]+m?s, ([\d.]+) req\/s/),
    failed: done - numberIn(text, /status codes: (\d+) 2xx/),
    text,
  };
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`${pattern} is not in:\n${text}`);
  return Number(found);
}
