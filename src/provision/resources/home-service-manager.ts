import type { RunResult } from '../../platform/processes.ts';
import type { ServiceInput } from '../render/service-input.ts';

/** A program to run, without a shell. */
export interface Step {
  readonly program: string;
  readonly args: readonly string[];
  /** It may fail without harm, such as ending what does not run. */
  readonly mayFail?: boolean;
}

/** What a service manager says of our service. */
export interface ManagerState {
  /** A service of this name is defined elsewhere, not by our file. */
  readonly foreignFile?: string;
  readonly isLoaded: boolean;
  readonly isRunning: boolean;
  /** It starts when its user logs in. */
  readonly startsByItself: boolean;
  readonly pid?: number;
  /** The status with which the program ended last, where the manager knows it. */
  readonly lastExit?: number;
}

/**
 * One service manager's way with our service, as data: what is written where, and which programs are run.
 * It touches nothing, so that it can be tested on every system.
 */
export interface ManagerPlan {
  readonly manager: 'systemd' | 'launchd' | 'the Task Scheduler';
  readonly name: string;
  readonly file: string;
  readonly bytes: Buffer;
  /** The text of a file of ours, decoded, so that the mark can be looked for. */
  readonly decode: (bytes: Buffer) => string;
  readonly encode: (text: string) => Buffer;
  /** After the file was written: the manager takes it and starts it. */
  readonly enable: readonly Step[];
  /** Ends it and makes the manager forget it, while the file is still there. */
  readonly disable: readonly Step[];
  /** After the file was removed. */
  readonly forget: readonly Step[];
  /** Instead of `start` and `restart`, where the manager does not know the file at present. */
  readonly load?: readonly Step[];
  readonly start: readonly Step[];
  readonly stop: readonly Step[];
  readonly restart: readonly Step[];
  readonly look: Step;
  /** @returns undefined when the manager itself cannot be asked */
  readonly read: (result: RunResult) => ManagerState | undefined;
}

export interface ManagerPlace {
  readonly input: ServiceInput;
  /** The user's home folder. */
  readonly userHome: string;
  readonly uid: number;
  readonly env: NodeJS.ProcessEnv;
}
