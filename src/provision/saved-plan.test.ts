import { expect, test } from 'vitest';
import { readSavedPlan } from './saved-plan.ts';

const plan = {
  version: 1,
  home: 'x',
  relay: 'r:22',
  changes: [],
  blocked: [],
  used: [{ resource: 'dns-address:chat.example.com', what: 'an address' }],
  unchanged: ['nginx-stream'],
  notes: [],
};
const read = (value: unknown): unknown => readSavedPlan('plan.json', JSON.stringify(value), plan);

test('a plan file comes back as it was saved; one for another home or relay is refused', () => {
  expect(read(plan)).toEqual(plan);
  for (const other of [{ home: 'y' }, { relay: 'other:22' }, { version: 2 }, { more: 1 }]) {
    expect(() => read({ ...plan, ...other })).toThrow(
      expect.objectContaining({ code: 'PROVISION_PLAN_UNREADABLE' }),
    );
  }
});

test('a plan file from elsewhere brings no terminal escapes into a message', () => {
  const evil = '\u001b]0;owned\u0007';
  const blocked = [{ resource: evil, what: 'a', obstacles: [] }];
  const used = [{ resource: evil, what: 'a' }];
  for (const part of [{ unchanged: [evil] }, { blocked }, { used }]) {
    expect(() => read({ ...plan, ...part })).toThrow(
      expect.objectContaining({
        code: 'PROVISION_PLAN_UNREADABLE',
        message: expect.not.stringContaining('\u001b'),
      }),
    );
  }
});
