import { PosternError, isPosternError } from '../../core/errors/index.ts';
import { sleep } from '../../core/clock.ts';
import { accountOf, authorizedKeysOf, sshdConfigOf } from '../../core/relay-layout.ts';
import type { Json, Observed, Resource, World } from '../contract.ts';
import { findSshdObstacles } from '../read/sshd-effective.ts';
import { readSections, runStep, stepFailed } from '../remote/parse.ts';
import { PLACE_SSHD, SIMULATE_SSHD } from '../remote/scripts/sshd.ts';
import { CALL_OFF_SWITCH, FIRE_SWITCH, READ_SWITCH, SWITCH_UNDO } from '../remote/scripts/switch.ts';
import type { Shell } from '../remote/shell.ts';
import type { RelayFile } from '../render/relay-files.ts';
import { sshdSettings } from '../render/sshd.ts';
import { switchService, switchTimer } from '../render/switch.ts';
import { fileSet } from './file-set.ts';

export interface SshdOptions {
  readonly home: string;
  readonly file: RelayFile;
  /** The operator's account: for it nothing may change. */
  readonly operator: string;
  /** Until the relay takes the change back by itself. Default 120. */
  readonly windowSeconds?: number;
}

/** Each home has its own: one that calls its switch off, or fires it, does not touch another's. */
const switchOf = (home: string): string => `sshd-${home}`;
const STATUS_NO_SCHEDULER = 75;
const STEP = "the change of sshd's settings";

/** The account's `Match` block: what the link may do. Placed under a dead man's switch, proved by new logins. */
export function sshdResource(options: SshdOptions): Resource {
  const { home, file } = options;
  const base = fileSet({
    id: 'sshd',
    what: `sshd's settings for ${accountOf(home)}`,
    why: 'sockets in its folder, and nothing else: no shell, no ports, no terminal',
    dependsOn: ['account', 'authorized-key', 'state-folder'],
    home,
    ownKeyFile: authorizedKeysOf(home),
    files: [file],
    folders: [],
    isRisky: true,
    inspect: (shell) => inspect(options, shell),
    place: (world, words, { state }) =>
      place(options, world, words, state.files[sshdConfigOf(home)] !== null),
  });
  return {
    ...base,
    observe: async (world) =>
      withSwitch(await base.observe(world), await isSwitchArmed(world, switchOf(home))),
    put: (world, target) =>
      base.put(world, isArmed(target.from) ? { ...target, from: unknownState(file) } : target),
  };
}

function isArmed(state: Json): boolean {
  return typeof state === 'object' && state !== null && 'isArmed' in state;
}

/** The left-over switch is fired first, and nobody knows here what that brings back: everything is placed anew. */
function unknownState({ path }: RelayFile): Json {
  return { files: { [path]: { mode: '', owner: '', group: '', base64: '' } }, folders: {} };
}

/** A change that still waits for its proof is not the wanted state: it would be taken back. */
function withSwitch(observed: Observed, isArmed: boolean): Observed {
  return isArmed
    ? { ...observed, state: { ...(observed.state as object), isArmed: true } as Json }
    : observed;
}

async function isSwitchArmed(world: World, name: string): Promise<boolean> {
  return (await runStep(await world.relay.shell(), READ_SWITCH, [name])).trim() !== 'none';
}

async function inspect(
  { home, file, operator }: SshdOptions,
  shell: Shell,
): Promise<Pick<Observed, 'obstacles'>> {
  const account = accountOf(home);
  const others = [...new Set(['root', operator, 'nobody'])];
  const content = Buffer.from(file.content).toString('base64');
  const text = await runStep(shell, SIMULATE_SSHD, [file.path, content, account, ...others]);
  const answer = readSections(text, ['before', 'test', 'account', 'others', 'lines', 'end']);
  const lines = answer.lines.split('\n').filter((line) => line !== '');
  return {
    obstacles: findSshdObstacles(
      {
        account,
        before: answer.before,
        test: answer.test,
        effective: answer.account,
        others: answer.others,
        lines,
      },
      sshdSettings(home),
    ),
  };
}

async function place(
  { home, windowSeconds = 120 }: SshdOptions,
  world: World,
  words: readonly string[],
  isWanted: boolean,
): Promise<void> {
  const shell = await world.relay.shell();
  const settings = isWanted ? sshdSettings(home).map(([keyword, value]) => `${keyword} ${value}`) : [];
  const seconds = String(Math.trunc(windowSeconds));
  const name = switchOf(home);
  const units = [switchService(name), switchTimer(name, windowSeconds)];
  const args = [name, SWITCH_UNDO, seconds, ...units, accountOf(home), settings.join('\n'), ...words];
  const result = await shell.run(PLACE_SSHD, args);
  if (result.status === STATUS_NO_SCHEDULER) throw new PosternError('PROVISION_NO_SWITCH', { step: STEP });
  if (result.status !== 0) throw stepFailed(PLACE_SSHD, result);
  await proveOrTakeBack(world, shell, name, isWanted);
}

/** Only a login that did not exist before the change proves that there is a way in after it. */
async function proveOrTakeBack(world: World, shell: Shell, name: string, isWanted: boolean): Promise<void> {
  try {
    await proveOperator(world);
    if (isWanted) await world.relay.proveLink();
  } catch (error) {
    await shell.run(FIRE_SWITCH, [name]);
    const reason = isPosternError(error) ? error.message : String(error);
    throw new PosternError('PROVISION_PROOF_FAILED', { step: STEP, reason }, error);
  }
  await runStep(shell, CALL_OFF_SWITCH, [name]);
}

/** While sshd starts itself anew its port is shut for a moment. */
async function proveOperator(world: World): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await (await world.relay.connectAnew()).close();
    } catch (error) {
      if (attempt === 4 || (isPosternError(error) && error.code !== 'SSH_REFUSED')) throw error;
      await sleep(world.clock, 200 * attempt);
    }
  }
}
