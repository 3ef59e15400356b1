import { printable } from '../core/printable.ts';
import { CHECK_LIST, type Vantage } from '../verify/catalogue.ts';
import type { CheckResult, Layer, LayerState, Outcome, Verification } from '../verify/contract.ts';
import type { Paint } from './paint.ts';
import { formatAgo, wrapText } from './text-layout.ts';

export interface VerifyView {
  readonly paint: Paint;
  /** Columns of the terminal. */
  readonly width: number;
  readonly nowMs: number;
}

const VANTAGES: Readonly<Record<Vantage, string>> = {
  public: 'As a visitor',
  home: 'On this machine',
  'relay-root': 'On the relay, as root',
};

const WORDS: Readonly<Record<Outcome, string>> = {
  shut: 'shut',
  open: 'OPEN',
  unknown: 'could not look',
  'not-asked': 'not looked at',
  skipped: 'skipped',
  'not-applicable': 'no such door',
};

const WORD_WIDTH = 16;

/** `postern verify` for people. */
export function renderVerification(verification: Verification, view: VerifyView): string {
  const subjects = [...new Set(verification.checks.map(({ subject }) => subject))];
  const services = subjects.filter((subject) => subject !== '');
  return [
    ...(Object.keys(VANTAGES) as Vantage[]).flatMap((vantage) => renderVantage(verification, vantage, view)),
    ...renderRelayTime(verification, view),
    ...services.flatMap((service) => renderLayers(service, verification, view)),
    ...verification.shutServices.map((name) =>
      view.paint.red(`${name} has been shut: its login does not hold.`),
    ),
  ]
    .join('\n')
    .trimEnd();
}

function renderVantage({ checks, relay, front }: Verification, vantage: Vantage, view: VerifyView): string[] {
  const rows = CHECK_LIST.filter((one) => one.vantage === vantage).flatMap(({ code, title }) =>
    checks.filter((check) => check.code === code).flatMap((check) => renderCheck(check, title, view)),
  );
  const place = vantage === 'home' ? '' : ` (${printable(vantage === 'public' ? front : relay)})`;
  return rows.length === 0 ? [] : [view.paint.bold(`${VANTAGES[vantage]}${place}`), ...rows, ''];
}

function renderCheck(check: CheckResult, title: string, view: VerifyView): string[] {
  const { outcome, subject, evidence, remedy, code } = check;
  const word = paintOutcome(outcome, WORDS[outcome].padEnd(WORD_WIDTH), view.paint);
  const [first = '', ...others] = wrapText(
    subject === '' ? title : `${title}: ${subject}`,
    view.width - WORD_WIDTH - 2,
    '',
  );
  const indent = ' '.repeat(WORD_WIDTH + 2);
  const lines = [`  ${word}${first}`, ...others.map((line) => indent + line)];
  if (outcome === 'open' || outcome === 'unknown') {
    lines.push(...wrapText(`${printable(evidence, 400)} [${code}]`, view.width, indent));
    if (remedy !== undefined) lines.push(...wrapText(`-> ${printable(remedy, 400)}`, view.width, indent));
  }
  return lines;
}

function paintOutcome(outcome: Outcome, text: string, paint: Paint): string {
  switch (outcome) {
    case 'shut':
      return paint.green(text);
    case 'open':
      return paint.red(text);
    case 'unknown':
      return paint.yellow(text);
    case 'not-asked':
    case 'skipped':
    case 'not-applicable':
      return paint.dim(text);
  }
}

function renderRelayTime({ relayRootAtMs }: Verification, { nowMs }: VerifyView): string[] {
  const when = relayRootAtMs === undefined ? 'never' : formatAgo(relayRootAtMs, nowMs);
  return [`The relay was last looked at from inside: ${when}.`, ''];
}

function renderLayers(service: string, { layers }: Verification, view: VerifyView): string[] {
  const own = layers.filter((layer) => layer.service === service);
  if (own.length === 0) return [];
  return [
    view.paint.bold(`The six layers of ${service}`),
    ...own.flatMap((layer, index) => renderLayer(layer, index + 1, view)),
    '',
  ];
}

const LAYER_WIDTH = 16;

function renderLayer({ layer, state, evidence }: Layer, number: number, view: VerifyView): string[] {
  const indent = ' '.repeat(LAYER_WIDTH + 4);
  const word = paintLayer(
    state,
    (state === 'not-looked-at' ? 'not looked at' : state.replace('-', ' ')).padEnd(LAYER_WIDTH),
    view.paint,
  );
  return [
    `  ${number} ${word}${layer}`,
    ...wrapText(printable(evidence, 600), view.width, indent).map((line) => view.paint.dim(line)),
  ];
}

function paintLayer(state: LayerState, text: string, paint: Paint): string {
  switch (state) {
    case 'on':
      return paint.green(text);
    case 'off':
      return paint.red(text);
    case 'not-looked-at':
      return paint.yellow(text);
    case 'not-applicable':
      return paint.dim(text);
  }
}
