import type { Log } from '../core/log.ts';
import { printable } from '../core/printable.ts';
import { runProcess } from '../platform/processes.ts';
import type { HealthTracker, IncidentEvent } from './health/tracker.ts';

export interface AlertOptions {
  /** The operator's program and its arguments; empty: none. */
  readonly exec: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly run?: typeof runProcess;
}

const TIMEOUT_MS = 30_000;

/**
 * Tells about incidents: a line in the log, and one run of the operator's program when an incident starts and one when
 * it is over. Runs never overlap and keep their order, so a recovery is never told before its incident.
 * @returns what stops it: nothing new is told, and the promise resolves when the last run has ended
 */
export function tellAlerts(health: HealthTracker, options: AlertOptions): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const silence = health.onEvent((event) => {
    writeLine(event, options.log);
    if (options.exec.length > 0) last = last.then(() => runProgram(event, options));
  });
  return () => {
    silence();
    return last;
  };
}

function writeLine({ kind, incident }: IncidentEvent, log: Log): void {
  const { code, subject, title, remedy, sinceMs } = incident;
  const fields = { alert: kind, code, subject, sinceMs, remedy };
  if (kind === 'started') log.error(fields, title);
  else log.info(fields, `over: ${title}`);
}

async function runProgram({ kind, incident }: IncidentEvent, options: AlertOptions): Promise<void> {
  const [program = '', ...args] = options.exec;
  const end = await (options.run ?? runProcess)(program, args, {
    timeoutMs: TIMEOUT_MS,
    maxOutputBytes: 4096,
    env: {
      ...options.env,
      POSTERN_ALERT_STATE: kind,
      POSTERN_ALERT_CODE: incident.code,
      POSTERN_ALERT_TITLE: printable(incident.title, 500),
      POSTERN_ALERT_SERVICE: printable(incident.subject),
      POSTERN_ALERT_REMEDY: printable(incident.remedy, 500),
      POSTERN_ALERT_SINCE: new Date(incident.sinceMs).toISOString(),
    },
  });
  if (end.status === 0) return;
  const why = end.startError ?? end.signal ?? `status ${end.status}`;
  options.log.warn({ program, why, code: incident.code }, 'alerts.exec failed');
}
