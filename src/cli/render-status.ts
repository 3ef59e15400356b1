import { printable } from '../core/printable.ts';
import type { DaemonStatus, Incident, ServiceStatus } from '../daemon/contract.ts';
import type { ConnectionStatus } from '../link/contract.ts';
import type { Paint } from './paint.ts';
import { formatAgo, formatSpan, renderTable, wrapText } from './text-layout.ts';

export interface View {
  readonly paint: Paint;
  /** Columns of the terminal. */
  readonly width: number;
  readonly nowMs: number;
}

/** `postern status` for people. */
export function renderStatus(status: DaemonStatus, view: View): string {
  const upFor = formatSpan(view.nowMs - status.startedAtMs);
  const head = `${view.paint.bold('postern')} ${status.version}, ${status.state} for ${upFor} (process ${status.pid})`;
  return [
    head,
    '',
    ...renderConnections(status, view),
    view.paint.dim(`  last looked at from inside: ${describeRelayLook(status, view)}`),
    '',
    ...status.services.flatMap((service) => [...renderService(service, view), '']),
    ...renderAlerts(status.alerts, view),
  ].join('\n');
}

function describeRelayLook({ relayLookedAtMs }: DaemonStatus, { nowMs }: View): string {
  return relayLookedAtMs === undefined
    ? 'never (postern verify --relay-root)'
    : formatAgo(relayLookedAtMs, nowMs);
}

function renderConnections(status: DaemonStatus, view: View): string[] {
  const { paint } = view;
  const title = paint.bold(`Relay ${printable(status.relay)}`);
  if (status.connections.length === 0) return [title, '  no connection yet'];
  const header = ['', 'slot', 'state', 'round trip', 'since', 'restarts', 'last error'].map((cell) =>
    paint.dim(cell),
  );
  return [title, ...renderTable([header, ...status.connections.map((one) => connectionRow(one, view))])];
}

function connectionRow(connection: ConnectionStatus, { paint, nowMs }: View): string[] {
  const { slot, state, roundTripMs, sinceMs, restarts, lastError } = connection;
  const error = lastError && `${lastError.code}, ${formatAgo(lastError.atMs, nowMs)}`;
  return [
    '',
    String(slot),
    paintState(state, paint),
    roundTripMs === undefined ? '-' : `${roundTripMs.toFixed(1)} ms`,
    formatSpan(nowMs - sinceMs),
    String(restarts),
    error ?? '-',
  ];
}

/** A connection's state in its colour. */
export function paintState(state: ConnectionStatus['state'], paint: Paint): string {
  switch (state) {
    case 'up':
      return paint.green(state);
    case 'connecting':
    case 'suspect':
    case 'waiting':
      return paint.yellow(state);
    case 'stopped':
      return paint.red(state);
  }
}

function renderService(service: ServiceStatus, view: View): string[] {
  const { paint, width } = view;
  const lines = [
    `${paint.bold(service.url)} -> ${printable(service.target)} (${service.kind}, tls: ${service.tls})`,
    `  ${describeReach(service, view)}`,
    ...wrapText(printable(service.whyNot ?? '', 500), width, '    '),
  ];
  if (service.access === 'none')
    lines.push(`  ${paint.red('auth: none - anybody may use it without signing in')}`);
  lines.push(`  ${describeCanary(service, view)}`);
  lines.push(...wrapText(service.relaySees, width, '  ').map((line) => paint.dim(line)));
  return lines;
}

function describeReach({ isReachable, whyNot, isOpen }: ServiceStatus, { paint }: View): string {
  if (!isOpen) return paint.red('shut');
  if (isReachable) return paint.green('reachable');
  return whyNot === undefined ? paint.yellow('not looked at yet') : paint.red('not reachable');
}

function describeCanary({ lastCanary }: ServiceStatus, { nowMs }: View): string {
  if (!lastCanary) return 'last canary: none yet';
  const { atMs, isFine, tookMs } = lastCanary;
  const outcome = isFine ? `came back in ${tookMs ?? 0} ms` : 'did not come back';
  return `last canary: ${outcome}, ${formatAgo(atMs, nowMs)}`;
}

function renderAlerts(alerts: readonly Incident[], view: View): string[] {
  if (alerts.length === 0) return ['No alerts.'];
  return [
    view.paint.bold('Alerts'),
    ...alerts.flatMap(({ code, title, remedy, sinceMs }) => [
      `  ${view.paint.red(code)} for ${formatSpan(view.nowMs - sinceMs)}`,
      ...wrapText(printable(title, 500), view.width, '    '),
      ...wrapText(`-> ${printable(remedy, 500)}`, view.width, '    '),
    ]),
  ];
}
