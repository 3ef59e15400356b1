import { join } from 'node:path';
import type { RunResult } from '../../platform/processes.ts';
import { SERVICE_MARK } from '../render/service-input.ts';
import { encodeTask, taskXml } from '../render/service-task.ts';
import type { ManagerPlace, ManagerPlan, ManagerState, Step } from './home-service-manager.ts';

/** `TASK_STATE_QUEUED` and `TASK_STATE_RUNNING` of the scheduler's interface. */
const RUNNING = [2, 4];
const DISABLED = 1;
/** How the script below says that there is no such task. */
const ABSENT = 'absent';

/**
 * A task of the Task Scheduler (schtasks, and PowerShell for what schtasks says in the system's language only).
 * The scheduler keeps a copy of its own; our file is what it was made from.
 */
export function taskPlan({ input }: ManagerPlace): ManagerPlan {
  const file = join(input.root, 'service-task.xml');
  const schtasks = (...args: string[]): Step => ({ program: 'schtasks.exe', args });
  const named = ['/TN', input.name];
  const end = { ...schtasks('/End', ...named), mayFail: true };
  return {
    manager: 'the Task Scheduler',
    name: input.name,
    file,
    bytes: encodeTask(taskXml(input)),
    decode: (bytes) => bytes.toString('utf16le').replace(/^\ufeff/, ''),
    encode: encodeTask,
    enable: [end, schtasks('/Create', ...named, '/XML', file, '/F'), schtasks('/Run', ...named)],
    disable: [end, schtasks('/Delete', ...named, '/F')],
    forget: [],
    start: [schtasks('/Change', ...named, '/ENABLE'), schtasks('/Run', ...named)],
    // Ended alone, its trigger would start it again within five minutes.
    stop: [schtasks('/Change', ...named, '/DISABLE'), end],
    restart: [schtasks('/Change', ...named, '/ENABLE'), end, schtasks('/Run', ...named)],
    look: {
      program: 'powershell.exe',
      args: ['-NoProfile', '-NonInteractive', '-Command', lookScript(input.name)],
    },
    read: readTask,
  };
}

/** Prints state, last result and description, one in a line. The name is one of ours: letters, digits and `-`. */
function lookScript(name: string): string {
  return [
    `$task = Get-ScheduledTask -TaskPath '\\' -TaskName '${name}' -ErrorAction SilentlyContinue`,
    `if ($null -eq $task) { '${ABSENT}'; exit 0 }`,
    '[int]$task.State',
    '($task | Get-ScheduledTaskInfo).LastTaskResult',
    '$task.Description',
  ].join('; ');
}

function readTask({ status, stdout }: RunResult): ManagerState | undefined {
  if (status !== 0) return undefined;
  const [state = '', lastExit = '', description = ''] = stdout.trim().split(/\r?\n/);
  if (state === ABSENT) return { isLoaded: false, isRunning: false, startsByItself: false };
  if (!/^\d+$/.test(state)) return undefined;
  return {
    isLoaded: true,
    isRunning: RUNNING.includes(Number(state)),
    startsByItself: Number(state) !== DISABLED,
    ...(description.trim() === SERVICE_MARK ? {} : { foreignFile: 'a task of the same name' }),
    ...(/^\d+$/.test(lastExit) ? { lastExit: Number(lastExit) } : {}),
  };
}
