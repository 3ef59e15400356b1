import { afterEach, expect, test } from 'vitest';
import { applyPlan, computePlan, destroyAll, undoLast } from '../../src/provision/engine.ts';
import { openSession } from '../support/relay-session.ts';
import { type ProvisionLab, startProvisionLab } from '../support/provision-lab.ts';

/** `postern apply` on a real relay that nobody has set up, and everything back. */
const made: ProvisionLab[] = [];
const bare = async (): Promise<ProvisionLab> => {
  const lab = await startProvisionLab();
  made.push(lab);
  await lab.sh('(setsid /usr/sbin/atd -f >/dev/null 2>&1 &)');
  return lab;
};
afterEach(async () => {
  await Promise.all(made.splice(0).map((lab) => lab.stop()));
});

test('from a bare relay to a link that works; a second apply is empty; destroy leaves every file as it was found', async () => {
  const relay = await bare();
  const found = await relay.tree();
  const engine = await relay.engine();
  const plan = await computePlan(engine);
  expect(plan.blocked).toEqual([]);
  expect(plan.changes.map(({ resource }) => resource)).toEqual([
    'session-script',
    'account',
    'authorized-key',
    'state-folder',
    'sshd',
    'nginx-stream',
    'http-redirect',
  ]);
  expect(await relay.tree()).toBe(found);
  await applyPlan(engine, plan);
  const again = await computePlan(await relay.engine());
  expect(again.changes).toEqual([]);
  const session = await openSession(relay.lab, { slot: 1, localPort: 1 });
  expect(session.heard()).toContain('postern 1 slot 1');
  expect(await destroyAll(await relay.engine())).toEqual([]);
  expect(await relay.tree()).toBe(found);
});

test('undo takes the last apply back, and destroy without a journal finds what is marked ours', async () => {
  const relay = await bare();
  const found = await relay.tree();
  const engine = await relay.engine();
  await applyPlan(engine, await computePlan(engine));
  await undoLast(await relay.engine());
  expect(await relay.tree()).toBe(found);
  await applyPlan(engine, await computePlan(engine));
  relay.journalFile = `${relay.journalFile}-of-another-home`;
  await destroyAll(await relay.engine());
  expect(await relay.tree()).toBe(found);
});

test('two homes share a relay: one goes and the other stays as wanted; the last one takes what both used', async () => {
  const relay = await bare();
  const files = 'find /etc /usr/local/lib /var/lib -name "*postern*" -not -path "*/spool/*"';
  const one = await relay.engine();
  await applyPlan(one, await computePlan(one));
  relay.journalFile = `${relay.journalFile}-two`;
  const two = await relay.engine({
    config: (config) => ({
      ...config,
      home: 'two',
      services: config.services.map((service) => ({ ...service, name: 'two.example.test' })),
    }),
    relay: (real) => ({ ...real, proveLink: async () => {} }),
  });
  await applyPlan(two, await computePlan(two));
  expect((await computePlan(one)).changes).toEqual([]);
  await destroyAll(one);
  expect((await computePlan(two)).changes).toEqual([]);
  expect(await relay.sh(files)).not.toContain('postern-x');
  await destroyAll(two);
  expect(await relay.sh(files)).toBe('');
});
