import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PosternError } from '../../core/errors/index.ts';
import { printable } from '../../core/printable.ts';
import { makeFolder, readBoundedFile, removeFile, writeFileAtomically } from '../../platform/files.ts';
import { type RunResult, runProcess } from '../../platform/processes.ts';
import { SERVICE_MARK } from '../render/service-input.ts';
import { launchdPlan } from './home-service-launchd.ts';
import type { ManagerPlace, ManagerPlan, ManagerState, Step } from './home-service-manager.ts';
import { systemdPlan } from './home-service-systemd.ts';
import { taskPlan } from './home-service-task.ts';

/** Our service as it is found. */
export interface ServiceState {
  /** The text of our file; `null` when there is none. */
  readonly text: string | null;
  /** Is that text what an install would write now? */
  readonly isCurrent: boolean;
  readonly manager: ManagerState;
}

export interface HomeServicePlace extends ManagerPlace {
  readonly platform: NodeJS.Platform;
}

const STEP_TIMEOUT_MS = 90_000;
/** `launchctl bootout` returns before the service is gone, and `bootstrap` fails until it is. */
const TRIES = 5;

/**
 * The service manager's way for a system.
 * @throws SERVICE_UNSUPPORTED, SERVICE_VALUE_UNSAFE
 */
export function managerPlan(place: HomeServicePlace): ManagerPlan {
  if (place.platform === 'linux') return systemdPlan(place);
  if (place.platform === 'darwin') return launchdPlan(place);
  if (place.platform === 'win32') return taskPlan(place);
  throw new PosternError('SERVICE_UNSUPPORTED', { reason: `this system is ${place.platform}` });
}

/** Postern as a service of the user at home: installed, started, looked at, taken away. */
export class HomeService {
  readonly plan: ManagerPlan;
  readonly #env: NodeJS.ProcessEnv;

  constructor(place: HomeServicePlace) {
    this.plan = managerPlan(place);
    this.#env = place.env;
  }

  /** The text of the file that an install writes. */
  get text(): string {
    return this.plan.decode(this.plan.bytes);
  }

  /**
   * Changes nothing.
   * @throws SERVICE_UNSUPPORTED when the manager cannot be asked; SERVICE_FILE_FOREIGN
   */
  async look(): Promise<ServiceState> {
    const state = await this.find();
    if (state.foreignFile !== undefined) {
      throw new PosternError('SERVICE_FILE_FOREIGN', { path: printable(state.foreignFile) });
    }
    return state;
  }

  /** As `look`; a foreign service of the same name is told, not thrown. */
  async find(): Promise<ServiceState & { readonly foreignFile?: string }> {
    const [found, manager] = await Promise.all([readBoundedFile(this.plan.file), this.#askManager()]);
    if (!found.ok && found.refusal !== 'missing') {
      return { text: null, isCurrent: false, manager, foreignFile: this.plan.file };
    }
    const text = found.ok ? this.plan.decode(found.file.bytes) : null;
    const foreignFile = text !== null && !text.includes(SERVICE_MARK) ? this.plan.file : manager.foreignFile;
    return { text, isCurrent: text === this.text, manager, ...(foreignFile ? { foreignFile } : {}) };
  }

  /**
   * Writes the file and starts the service; one that is installed and running as it should be is left alone.
   * When the manager refuses, what was there before is there again.
   * @returns false when there was nothing to do
   */
  async install(): Promise<boolean> {
    const state = await this.look();
    if (state.isCurrent && state.manager.isRunning && state.manager.startsByItself) return false;
    await this.write(this.text, state.text);
    return true;
  }

  /** Takes away what `install` made. @returns false when nothing of ours was there */
  async uninstall(): Promise<boolean> {
    const { text, manager } = await this.look();
    if (text === null && !manager.isLoaded) return false;
    await this.#runAll(this.plan.disable);
    await removeFile(this.plan.file);
    await this.#runAll(this.plan.forget);
    return true;
  }

  start(): Promise<void> {
    return this.#act(this.plan.start, this.plan.load);
  }

  /** It stays installed; systemd and launchd start it with the next login, Windows after `start`. */
  stop(): Promise<void> {
    return this.#act(this.plan.stop);
  }

  restart(): Promise<void> {
    return this.#act(this.plan.restart, this.plan.load);
  }

  /**
   * Puts a file in its place and lets the manager take it.
   * @param before what stands there now, put back when the manager refuses the new one
   */
  async write(text: string, before: string | null): Promise<void> {
    await makeFolder(dirname(this.plan.file), 0o755);
    await writeFileAtomically(this.plan.file, this.plan.encode(text), 0o644);
    try {
      await this.#runAll(this.plan.enable);
    } catch (error) {
      await this.#runAll(this.plan.disable).catch(() => {});
      if (before === null) await removeFile(this.plan.file);
      else await writeFileAtomically(this.plan.file, this.plan.encode(before), 0o644);
      await this.#runAll(before === null ? this.plan.forget : this.plan.enable).catch(() => {});
      throw error;
    }
  }

  async #act(steps: readonly Step[], whenUnloaded = steps): Promise<void> {
    const { text, manager } = await this.look();
    if (text === null && !manager.isLoaded) throw new PosternError('SERVICE_NOT_INSTALLED');
    await this.#runAll(manager.isLoaded ? steps : whenUnloaded);
  }

  async #askManager(): Promise<ManagerState> {
    const result = await this.#run(this.plan.look);
    const state = this.plan.read(result);
    if (state) return state;
    const reason = `${commandLine(this.plan.look)}: ${whyFailed(result)}`;
    throw new PosternError('SERVICE_UNSUPPORTED', { reason });
  }

  async #runAll(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const result = await this.#runPatiently(step);
      if (result.status === 0 || step.mayFail) continue;
      throw new PosternError('SERVICE_COMMAND_FAILED', {
        command: commandLine(step),
        reason: whyFailed(result),
      });
    }
  }

  async #runPatiently(step: Step): Promise<RunResult> {
    const isBootstrap = step.args[0] === 'bootstrap' && !step.mayFail;
    let result = await this.#run(step);
    for (let tries = 1; isBootstrap && result.status !== 0 && tries < TRIES; tries++) {
      await pause(200 * tries);
      result = await this.#run(step);
    }
    return result;
  }

  #run({ program, args }: Step): Promise<RunResult> {
    return runProcess(program, args, { env: this.#env, timeoutMs: STEP_TIMEOUT_MS });
  }
}

const commandLine = ({ program, args }: Step): string => [program, ...args.slice(0, 3)].join(' ');

/** A manager's own words, for people. */
function whyFailed({ status, stderr, stdout, startError }: RunResult): string {
  if (startError !== undefined) return startError === 'ENOENT' ? 'there is no such program' : startError;
  const words = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
  return words === '' ? `it ended with status ${status}` : printable(words, 300);
}
