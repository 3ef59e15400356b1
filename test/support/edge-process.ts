import { readFile } from 'node:fs/promises';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Target } from '../../src/edge/contract.ts';

/** An edge in a process of its own, so that its memory can be measured. */
export interface EdgeProcess {
  readonly doorPath: string;
  /** Resident memory, bytes. */
  readMemory(): Promise<number>;
  stop(): Promise<void>;
}

export async function startEdgeProcess(target: Target): Promise<EdgeProcess> {
  const script = fileURLToPath(new URL('./edge-process-main.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(target)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const doorPath = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)));
    child.once('exit', () => reject(new Error('the edge ended')));
  });
  return {
    doorPath,
    async readMemory() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.send('stop');
      }),
  };
}
