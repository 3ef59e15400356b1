import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type SleepSettings,
  describeSleep,
  readLinuxPower,
  readPmset,
  readPowercfg,
} from './home-service-power.ts';
import { readLinger, readMacReboot } from './home-service-reboot.ts';

/** Words of the systems' own programs, in test/golden/service/power. */
const sample = (name: string): string =>
  readFileSync(new URL(`../../../test/golden/service/power/${name}`, import.meta.url), 'utf8');

/** `30/15`: minutes on mains and on battery. */
function short({ onMains, onBattery }: SleepSettings): string {
  return [onMains, onBattery]
    .map((one) => (one.kind === 'after' ? String(one.minutes ?? 'idle') : one.kind))
    .join('/');
}

const linux = (texts: Partial<Parameters<typeof readLinuxPower>[0]>): string =>
  short(
    readLinuxPower({
      targets: 'static\nstatic\n',
      logind: sample('logind-debian12.txt'),
      defaultTarget: 'multi-user.target\n',
      gnome: '',
      ...texts,
    }),
  );

test.each([
  ['a laptop, both supplies', 'pmset-custom-laptop.txt', '1/1'],
  ['a Mac mini that never sleeps', 'pmset-mini.txt', 'never/unknown'],
  ['sleep is disabled altogether', 'pmset-disabled.txt', 'never/never'],
])('macOS: %s', (_name, file, expected) => {
  expect(short(readPmset(sample(file)))).toBe(expected);
});

test('macOS: words that say nothing stay unknown', () => {
  expect(short(readPmset(''))).toBe('unknown/unknown');
  expect(short(readPmset('pmset: no such option\n displaysleep 10\n'))).toBe('unknown/unknown');
});

test('Windows, in the language of the system', () => {
  expect(short(readPowercfg(sample('powercfg-en.txt')))).toBe('30/15');
  expect(short(readPowercfg(sample('powercfg-de.txt')))).toBe('never/15');
  expect(short(readPowercfg('Access denied'))).toBe('unknown/unknown');
});

test('Linux', () => {
  expect(linux({})).toBe('never/never');
  expect(linux({ targets: 'masked\nmasked\n', gnome: sample('gnome.txt') })).toBe('never/never');
  expect(linux({ targets: 'masked\nstatic\n', gnome: sample('gnome.txt') })).toBe('15/never');
  expect(linux({ logind: sample('logind-idle.txt') })).toBe('20/20');
  expect(linux({ logind: '[Login]\nIdleAction=poweroff\nIdleActionSec=2h\n' })).toBe('idle/idle');
});

test('Linux with a desktop that cannot be read, or no systemd: unknown', () => {
  expect(linux({ defaultTarget: 'graphical.target\n' })).toBe('unknown/unknown');
  expect(linux({ targets: '', logind: '', defaultTarget: '' })).toBe('unknown/unknown');
});

test('the sentence says when, and nothing where the machine stays awake', () => {
  expect(describeSleep(readPmset(sample('pmset-mini.txt')))).toBeUndefined();
  expect(describeSleep(readPowercfg(sample('powercfg-en.txt')))).toContain('after 30 min (powercfg)');
  expect(describeSleep(readPmset(''))).toContain('not known');
});

test.each([
  ['Linger=yes\n', 'no'],
  ['Linger=no\n', 'yes'],
  ['', 'unknown'],
])('lingering, %j: a login is needed: %s', (text, expected) => {
  const need = readLinger(text, 'ada');
  expect(need.needsLogin).toBe(expected);
  expect(need.sentence.includes('loginctl enable-linger ada')).toBe(expected !== 'no');
});

test.each([
  ['FileVault is On.\n', '', 'yes'],
  ['FileVault is On.\n', 'ada\n', 'yes'],
  ['FileVault is Off.\n', 'ada\n', 'no'],
  ['FileVault is Off.\n', 'bob\n', 'yes'],
  ['', '', 'unknown'],
])('macOS, %j and automatic login of %j: a login is needed: %s', (fileVault, autoLogin, expected) => {
  expect(readMacReboot(fileVault, autoLogin, 'ada').needsLogin).toBe(expected);
});
