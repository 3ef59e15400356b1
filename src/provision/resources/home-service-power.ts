/**
 * Does this machine sleep by itself? A sleeping home serves nothing. Pure: texts of the system's own programs in,
 * values out; what a text does not say stays unknown.
 */
export interface SleepSettings {
  /** On mains power. */
  readonly onMains: SleepSetting;
  readonly onBattery: SleepSetting;
  /** Where it was read, for people. */
  readonly source: string;
}

/** `after` without minutes: it sleeps, and nobody says when (a lid that is shut). */
export type SleepSetting =
  | { readonly kind: 'never' }
  | { readonly kind: 'after'; readonly minutes?: number }
  | { readonly kind: 'unknown' };

const NEVER: SleepSetting = { kind: 'never' };
const UNKNOWN: SleepSetting = { kind: 'unknown' };

const afterMinutes = (minutes: number): SleepSetting => (minutes === 0 ? NEVER : { kind: 'after', minutes });

/**
 * macOS: `pmset -g custom` (both power sources) or `pmset -g` (the present one), pmset(1).
 * `sleep` is in minutes, 0 is never; `SleepDisabled 1` rules everything else out.
 */
export function readPmset(text: string): SleepSettings {
  const source = 'pmset -g';
  if (/^\s*SleepDisabled\s+1\b/m.test(text)) return { onMains: NEVER, onBattery: NEVER, source };
  const section = (title: string): string | undefined =>
    new RegExp(String.raw`^${title}:\n((?:[ \t].*\n?)*)`, 'm').exec(text)?.[1];
  const [mains, battery] = [section('AC Power'), section('Battery Power')];
  if (mains === undefined && battery === undefined) {
    const present = readSleepMinutes(text);
    const isBattery = /Battery Power/.test(text);
    return { onMains: isBattery ? UNKNOWN : present, onBattery: isBattery ? present : UNKNOWN, source };
  }
  return { onMains: readSleepMinutes(mains), onBattery: readSleepMinutes(battery), source };
}

function readSleepMinutes(text = ''): SleepSetting {
  const minutes = /^\s*sleep\s+(\d{1,6})\b/m.exec(text)?.[1];
  return minutes === undefined ? UNKNOWN : afterMinutes(Number(minutes));
}

export interface LinuxPowerTexts {
  /** `systemctl is-enabled sleep.target suspend.target`: one word each. */
  readonly targets: string;
  /** `systemd-analyze cat-config systemd/logind.conf`: later lines win. */
  readonly logind: string;
  /** `systemctl get-default`: where a desktop may start, one that cannot be read may have timers of its own. */
  readonly defaultTarget: string;
  /** `gsettings list-recursively org.gnome.settings-daemon.plugins.power`; empty without GNOME. */
  readonly gnome: string;
}

/**
 * Linux: masked targets rule sleep out; else the desktop's own timers count, else logind's `IdleAction`
 * (logind.conf(5): `ignore` unless said otherwise).
 */
export function readLinuxPower({ targets, logind, defaultTarget, gnome }: LinuxPowerTexts): SleepSettings {
  const words = targets.trim().split(/\s+/);
  if (words.length >= 2 && words.every((word) => word === 'masked')) {
    return { onMains: NEVER, onBattery: NEVER, source: 'suspend.target is masked' };
  }
  const onMains = readGnome(gnome, 'ac');
  if (onMains) return { onMains, onBattery: readGnome(gnome, 'battery') ?? UNKNOWN, source: 'gsettings' };
  const idle = readIdleAction(logind);
  if (idle.kind === 'never' && defaultTarget.trim() !== 'multi-user.target') {
    return { onMains: UNKNOWN, onBattery: UNKNOWN, source: 'logind.conf' };
  }
  return { onMains: idle, onBattery: idle, source: 'logind.conf' };
}

function readGnome(text: string, supply: 'ac' | 'battery'): SleepSetting | undefined {
  const value = (key: string): string | undefined =>
    new RegExp(String.raw`sleep-inactive-${supply}-${key} (.*)$`, 'm').exec(text)?.[1];
  const type = value('type');
  const seconds = /^(?:u?int32 )?(\d{1,9})$/.exec(value('timeout') ?? '')?.[1];
  if (type === undefined || seconds === undefined) return undefined;
  if (!["'suspend'", "'hibernate'", "'shutdown'"].includes(type)) return NEVER;
  return afterMinutes(Math.ceil(Number(seconds) / 60));
}

function readIdleAction(text: string): SleepSetting {
  if (!text.includes('[Login]')) return UNKNOWN;
  const value = (key: string): string | undefined =>
    [...text.matchAll(new RegExp(String.raw`^\s*${key}\s*=\s*(\S*)`, 'gm'))].at(-1)?.[1];
  const action = value('IdleAction') ?? 'ignore';
  if (!/^(suspend|hibernate|hybrid-sleep|suspend-then-hibernate|sleep|poweroff|halt)$/.test(action)) {
    return NEVER;
  }
  const minutes = /^(\d{1,5})min$/.exec(value('IdleActionSec') ?? '30min')?.[1];
  return minutes === undefined ? { kind: 'after' } : { kind: 'after', minutes: Number(minutes) };
}

/** The setting "sleep after" (STANDBYIDLE); its number is the same in every language. */
const STANDBY_IDLE = '29f6c1db-86da-48c5-9fdb-f2b67b1f44da';

/**
 * Windows: `powercfg /query SCHEME_CURRENT SUB_SLEEP STANDBYIDLE`. The words are in the system's language; the last
 * two numbers are seconds on mains and on battery, 0 is never.
 */
export function readPowercfg(text: string): SleepSettings {
  const source = 'powercfg';
  const part = text.toLowerCase().split(STANDBY_IDLE)[1];
  const numbers = part === undefined ? [] : [...part.matchAll(/: 0x([0-9a-f]{8})\s*$/gm)].slice(-2);
  const [mains, battery] = numbers.map(([, seconds = '']) =>
    afterMinutes(Math.ceil(Number.parseInt(seconds, 16) / 60)),
  );
  return { onMains: mains ?? UNKNOWN, onBattery: battery ?? UNKNOWN, source };
}

/** One sentence for people, or nothing where the machine stays awake on mains. */
export function describeSleep({ onMains, source }: SleepSettings): string | undefined {
  if (onMains.kind === 'never') return undefined;
  if (onMains.kind === 'unknown') return 'Whether this machine sleeps by itself is not known.';
  const when = onMains.minutes === undefined ? 'when it is idle' : `after ${onMains.minutes} min`;
  return `This machine goes to sleep ${when} (${source}); while it sleeps nobody reaches it.`;
}
