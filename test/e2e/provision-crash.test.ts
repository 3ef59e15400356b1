import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RelayAccess } from '../../src/provision/contract.ts';
import { type EngineOptions, applyPlan, computePlan, undoLast } from '../../src/provision/engine.ts';
import type { Shell } from '../../src/provision/remote/shell.ts';
import { type ProvisionLab, startProvisionLab } from '../support/provision-lab.ts';

/** `apply` dies after a journal entry, before or after what it stands for. */
let relay: ProvisionLab;
let engine: EngineOptions;
let found: string;

beforeAll(async () => {
  relay = await startProvisionLab();
  await relay.startAtd();
  engine = await relay.engine({ relay: withoutProofs });
  found = await relay.tree();
});
afterAll(() => relay?.stop());

/** The proofs by new logins have tests of their own (provision-switch); here they would only take time. */
function withoutProofs(real: RelayAccess): RelayAccess {
  const shell = async (): Promise<Shell> => {
    const opened = await real.shell();
    return { run: (...request) => opened.run(...request), close: async () => {} };
  };
  return { shell, connectAnew: shell, proveLink: async () => {} };
}

/** Nothing of a run goes on after this, as nothing does after a kill: neither the journal nor the relay hears more. */
async function applyUntil(step: number): Promise<string | undefined> {
  let count = 0;
  let died: string | undefined;
  const dying: EngineOptions = {
    ...engine,
    onProgress: ({ phase, resource }) => {
      if (phase === 'done' || ++count !== step) return;
      died = `${phase} ${resource}`;
      throw new Error('killed');
    },
  };
  await applyPlan(dying, await computePlan(engine)).catch((error: Error) => {
    if (error.message !== 'killed') throw error;
  });
  return died;
}

async function changesAfterAnotherRun(): Promise<readonly unknown[]> {
  await applyPlan(engine, await computePlan(engine));
  return (await computePlan(engine)).changes;
}

const serversStart = async (): Promise<void> => void (await relay.sh('sshd -t && nginx -t 2>/dev/null'));

test('killed at any step: undo restores every file; every third time a second run converges first', async () => {
  const deaths: string[] = [];
  for (let step = 1; ; step++) {
    const death = await applyUntil(step);
    if (death !== undefined) deaths.push(death);
    await serversStart();
    const isAgain = death === undefined || step % 3 === 0;
    expect(isAgain ? await changesAfterAnotherRun() : [], `again after ${death}`).toEqual([]);
    await undoLast(engine);
    expect(await relay.tree(), `undone after ${death}`).toBe(found);
    if (death === undefined) break;
  }
  expect(deaths).toHaveLength(14);
  expect(new Set(deaths).size).toBe(14);
}, 120_000);

test('an undo that is killed goes on where it stopped', async () => {
  await applyPlan(engine, await computePlan(engine));
  for (const step of [1, 4, 6, 5]) {
    let count = 0;
    const dying: EngineOptions = {
      ...engine,
      onProgress: () => {
        if (++count === step) throw new Error('killed');
      },
    };
    await expect(undoLast(dying)).rejects.toThrow('killed');
    await serversStart();
  }
  await undoLast(engine);
  expect(await relay.tree()).toBe(found);
});
