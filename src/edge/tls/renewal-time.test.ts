import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alarmTimeMs, chooseTimeMs, renewalTimeMs } from './renewal-time.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const lasting = (days: number) => ({ startsMs: 0, endsMs: days * DAY });

test('without a window a certificate is renewed at two thirds of its life', () => {
  expect(renewalTimeMs(lasting(90), undefined)).toBe(60 * DAY);
  expect(renewalTimeMs(lasting(45), undefined)).toBe(30 * DAY);
});

test('a short one is renewed early enough for three days without the authority', () => {
  expect(renewalTimeMs(lasting(6), undefined)).toBe(6 * DAY - 74 * HOUR);
  expect(renewalTimeMs(lasting(1), undefined)).toBeCloseTo(0.4 * DAY);
});

test('the window is followed, earlier or later than two thirds, but never into the reserve', () => {
  expect(renewalTimeMs(lasting(90), 5 * DAY)).toBe(5 * DAY);
  expect(renewalTimeMs(lasting(90), 80 * DAY)).toBe(80 * DAY);
  expect(renewalTimeMs(lasting(90), 100 * DAY)).toBe(90 * DAY - 74 * HOUR);
});

test('a certificate of half a day is left alone, whatever is suggested', () => {
  expect(renewalTimeMs(lasting(90), -DAY)).toBe(12 * HOUR);
  expect(renewalTimeMs(lasting(1), 0)).toBe(4 * HOUR);
});

test('whatever the window: renewal, then alarm, then the end; and the chosen time lies in the window', () => {
  const life = fc.integer({ min: HOUR, max: 400 * DAY });
  fc.assert(
    fc.property(
      life,
      fc.nat(500 * DAY),
      fc.integer({ min: 1, max: 30 * DAY }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (endsMs, startMs, width, part) => {
        const window = { startMs, endMs: startMs + width };
        const chosenMs = chooseTimeMs(window, () => part);
        expect(chosenMs).toBeGreaterThanOrEqual(window.startMs);
        expect(chosenMs).toBeLessThan(window.endMs);
        const facts = { startsMs: 0, endsMs };
        expect(renewalTimeMs(facts, chosenMs)).toBeLessThanOrEqual(renewalTimeMs(facts, Infinity));
        expect(renewalTimeMs(facts, undefined)).toBeLessThan(alarmTimeMs(facts));
        expect(alarmTimeMs(facts)).toBeLessThan(endsMs);
      },
    ),
  );
});
