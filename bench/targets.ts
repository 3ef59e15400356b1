import type { Sample, SuiteResult } from './tools/result.ts';
import { median } from './tools/statistics.ts';

/** A row of the table in docs/performance.md. */
export interface Target {
  readonly id: string;
  /** The suite whose results it is judged by. */
  readonly suite: string;
  readonly what: string;
  readonly unit: string;
  readonly limit: { readonly atMost: number } | { readonly atLeast: number };
  /** What prototypes, or the same idea by hand, have reached. */
  readonly known: string;
  /** How the value comes out of the samples, in words. */
  readonly judgedBy: string;
  readonly judge: (samples: readonly Sample[]) => number;
  /** Why it is missed where it is; shown in the table then and only then. */
  readonly ifMissed?: string;
}

type ValueName = string;

/** Values of one variant in the order of the pairs. */
function valuesOf(samples: readonly Sample[], variant: string, name: ValueName): number[] {
  return samples
    .filter((sample) => sample.variant === variant)
    .toSorted((one, other) => one.pair - other.pair)
    .map(({ values }) => values[name] ?? Number.NaN);
}

/** The median of the ratios of the pairs: each pair was taken under the same weather. */
function ratio(samples: readonly Sample[], name: ValueName, variant: string, reference: string): number {
  const below = valuesOf(samples, reference, name);
  return median(valuesOf(samples, variant, name).map((value, index) => value / (below[index] ?? Number.NaN)));
}

const middle = (samples: readonly Sample[], variant: string, name: ValueName): number =>
  median(valuesOf(samples, variant, name));

const worst = (samples: readonly Sample[], variant: string, name: ValueName): number => {
  const values = valuesOf(samples, variant, name);
  return values.length === 0 ? Number.NaN : Math.max(...values);
};

const PAIRS = 'median of the ratios of three pairs, taken in turns';
const RTT_S = 0.02;
const WINDOW_BYTES = 2 * 1024 * 1024;

/** How long visitors were in the dark: the row of one fault. */
function recovery(
  id: string,
  what: string,
  atMost: number,
  known: string,
  name: 'darkSeconds' | 'failed' | 'afterSeconds' | 'afterSshdSeconds',
): Target {
  const words = {
    failed: 'failed requests of 20 per second, worst of the runs',
    darkSeconds: 'first failure to first success, worst of the runs',
    afterSeconds: 'end of the fault to the start of the first request that succeeds, worst of the runs',
    afterSshdSeconds: 'sshd listens to the start of the first request that succeeds, worst of the runs',
  } as const;
  return {
    id,
    suite: 'recovery',
    what,
    unit: name === 'failed' ? 'requests' : 's',
    limit: { atMost },
    known,
    judgedBy: words[name],
    judge: (samples) => worst(samples, id, name),
  };
}

/** Every number that Postern promises, in the order of the table. */
export const TARGETS: readonly Target[] = [
  {
    id: 'request-p50',
    suite: 'latency',
    what: 'request, one user, keep-alive, home 20 ms away, p50',
    unit: '× the bare wire',
    limit: { atMost: 1.15 },
    known: '1.08',
    judgedBy: PAIRS,
    judge: (samples) => ratio(samples, 'p50Ms', 'postern', 'wire'),
  },
  {
    id: 'new-connection',
    suite: 'connect',
    what: 'new connection (TCP + TLS + GET), end-to-end TLS',
    unit: '× the bare wire',
    limit: { atMost: 1.1 },
    known: '1.00–1.04',
    judgedBy: PAIRS,
    judge: (samples) => ratio(samples, 'p50Ms', 'postern', 'wire'),
  },
  {
    id: 'rate-http1',
    suite: 'rate',
    what: 'requests per second, 64 connections, HTTP/1.1, against nginx ending TLS at home on the same link',
    unit: '× nginx',
    limit: { atLeast: 0.65 },
    known: '0.64–0.82',
    judgedBy: PAIRS,
    judge: (samples) => ratio(samples, 'requestsPerSecond', 'postern-http1', 'nginx-http1'),
  },
  {
    id: 'rate-http2',
    suite: 'rate',
    what: 'the same over HTTP/2 (4 connections × 16 streams)',
    unit: '× nginx',
    limit: { atLeast: 0.6 },
    known: '0.59–0.76',
    judgedBy: PAIRS,
    judge: (samples) => ratio(samples, 'requestsPerSecond', 'postern-http2', 'nginx-http2'),
  },
  {
    id: 'cpu-http1',
    suite: 'rate',
    what: 'CPU of the edge per request, HTTP/1.1, against the same nginx',
    unit: '× nginx',
    limit: { atMost: 2.6 },
    known: '1.5–2.5',
    judgedBy: PAIRS,
    judge: (samples) => ratio(samples, 'cpuMsPerRequest', 'postern-http1', 'nginx-http1'),
  },
  {
    id: 'cpu-http2',
    suite: 'rate',
    what: 'CPU of the edge per request, HTTP/2, against the same nginx',
    unit: '× nginx',
    limit: { atMost: 3.0 },
    known: '2.1–2.6',
    judgedBy: PAIRS,
    judge: (samples) => ratio(samples, 'cpuMsPerRequest', 'postern-http2', 'nginx-http2'),
  },
  {
    id: 'upload-http2',
    suite: 'bulk',
    what: 'upload over HTTP/2, home 20 ms away',
    unit: 'MB/s',
    limit: { atLeast: 60 },
    known: '86',
    judgedBy: 'median of the runs',
    judge: (samples) => middle(samples, 'upload-20', 'megabytesPerSecond'),
  },
  {
    id: 'download-20',
    suite: 'bulk',
    what: 'single download, home 20 ms away',
    unit: '× (2 MiB / RTT)',
    limit: { atLeast: 0.9 },
    known: '0.9–0.95',
    judgedBy: 'median of the runs',
    judge: (samples) => middle(samples, 'download-20', 'megabytesPerSecond') / (WINDOW_BYTES / RTT_S / 1e6),
    ifMissed:
      'two of three runs reach 0.88 to 0.90, one 0.82: one ssh channel moves at most its window of 2 MiB in a round trip, and the time until it is full counts here too; other ways have not been tried yet',
  },
  {
    id: 'download-100',
    suite: 'bulk',
    what: 'single download, home 100 ms away',
    unit: '× (2 MiB / RTT)',
    limit: { atLeast: 0.9 },
    known: '0.9–0.95',
    judgedBy: 'median of the runs',
    judge: (samples) => middle(samples, 'download-100', 'megabytesPerSecond') / (WINDOW_BYTES / 0.1 / 1e6),
  },
  {
    id: 'websockets-failed',
    suite: 'websockets',
    what: '1000 WebSockets, 1 message/s each, home 20 ms away: failures',
    unit: 'sockets',
    limit: { atMost: 0 },
    known: '0',
    judgedBy: 'worst of the runs',
    judge: (samples) => worst(samples, 'postern', 'failed'),
  },
  {
    id: 'websockets-p99',
    suite: 'websockets',
    what: 'the same: round trip of a message, p99',
    unit: '× RTT',
    limit: { atMost: 2 },
    known: '1.6–2.2',
    judgedBy: 'median of the runs',
    judge: (samples) => middle(samples, 'postern', 'p99Ms') / (RTT_S * 1000),
  },
  {
    id: 'memory-idle',
    suite: 'websockets',
    what: 'memory of the daemon, idle (RSS)',
    unit: 'MB',
    limit: { atMost: 90 },
    known: '62–74',
    judgedBy: 'median of fresh daemons, ten seconds after the start',
    judge: (samples) => middle(samples, 'postern', 'idleMegabytes'),
    ifMissed:
      'Node with http2, tls and sqlite takes 58 MB of it; docs/adr/015-one-bundle.md says what was tried and what each way gave',
  },
  {
    id: 'memory-websocket',
    suite: 'websockets',
    what: 'memory of the daemon per WebSocket (RSS)',
    unit: 'KB',
    limit: { atMost: 90 },
    known: '66–80',
    judgedBy: 'median of the runs',
    judge: (samples) => middle(samples, 'postern', 'kilobytesPerSocket'),
  },
  recovery('kill-one-ssh', 'kill -9 of one ssh at home', 0, '0', 'failed'),
  recovery('kill-all-ssh', 'kill -9 of every ssh at home', 1.0, '0.9–1.0', 'darkSeconds'),
  recovery('kill-sessions', 'every session on the relay killed', 1.0, '0.9–1.0', 'darkSeconds'),
  recovery('relay-reboot', 'relay reboots', 2.0, '1.8', 'afterSshdSeconds'),
  recovery('blackhole-30', 'every packet lost for 30 s, no reset', 2.0, '1.2–1.5', 'afterSeconds'),
  recovery('blackhole-300', 'every packet lost for 5 min, no reset', 2.0, '1.8', 'afterSeconds'),
  recovery('sleep-60', 'home sleeps for 60 s and wakes', 1.5, 'late timer seen within 1 ms', 'afterSeconds'),
  recovery('nat-lost', 'NAT state lost: old flows dead, no event', 4.0, '3.5', 'darkSeconds'),
  recovery('address-change', "home's address changes (event)", 1.5, 'seen in 4 ms', 'darkSeconds'),
];

/** What a reader should know beside the table; nothing is promised here. */
export const COMPARISONS: readonly Pick<Target, 'suite' | 'what' | 'unit' | 'judge'>[] = (
  ['http1', 'http2'] as const
).flatMap((version) => [
  {
    suite: 'rate',
    what: `requests per second, ${version}, against nginx with kept connections to the service`,
    unit: '× tuned nginx',
    judge: (samples) => ratio(samples, 'requestsPerSecond', `postern-${version}`, `tuned-${version}`),
  },
  {
    suite: 'rate',
    what: `CPU of the edge per request, ${version}, against the same`,
    unit: '× tuned nginx',
    judge: (samples) => ratio(samples, 'cpuMsPerRequest', `postern-${version}`, `tuned-${version}`),
  },
]);

export interface Verdict {
  readonly target: Target;
  /** `undefined`: not measured. */
  readonly value: number | undefined;
  readonly isMet: boolean;
}

/** Judges every row by the results that are there. A value that cannot be computed is a miss. */
export function judge(results: readonly SuiteResult[]): readonly Verdict[] {
  return TARGETS.map((target) => {
    const result = results.find(({ suite }) => suite === target.suite);
    const value = result && target.judge(result.samples);
    if (value === undefined || Number.isNaN(value)) return { target, value: undefined, isMet: false };
    const isMet = 'atMost' in target.limit ? value <= target.limit.atMost : value >= target.limit.atLeast;
    return { target, value, isMet };
  });
}
