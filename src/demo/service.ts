import { join } from 'node:path';
import { parseTarget } from '../config/target.ts';
import type { Clock } from '../core/clock.ts';
import { PosternError } from '../core/errors/index.ts';
import { whyUnreachable } from '../platform/reach.ts';
import { type AssistantAddress, startAssistant } from './assistant.ts';
import type { UndoList } from './undo-list.ts';

const TARGET_TIMEOUT_MS = 3000;

/**
 * Where the published service listens, as `to:` of the configuration.
 * @param to a service that runs already, or `undefined` for the sample assistant
 * @throws DEMO_TARGET_DOWN, CLI_USAGE
 */
export async function provideService(options: {
  readonly to: string | undefined;
  readonly runFolder: string;
  readonly publicHost: string;
  readonly clock: Clock;
  readonly undo: UndoList;
}): Promise<string> {
  if (options.to !== undefined) return await requireRunning(options.to);
  const assistant = await startAssistant({
    address: assistantAddress(options.runFolder),
    publicHost: () => options.publicHost,
    clock: options.clock,
  });
  options.undo.add(() => assistant.close());
  const { target } = assistant;
  return target.kind === 'unix' ? `unix:${target.path}` : `http://${target.host}:${target.port}`;
}

/** A socket that only this user can open. Where Node knows no such sockets (Windows), a loopback port. */
function assistantAddress(runFolder: string): AssistantAddress {
  if (process.platform === 'win32') return { host: '127.0.0.1', port: 0 };
  return { path: join(runFolder, 'assistant.sock') };
}

/** @throws DEMO_TARGET_DOWN when nothing accepts connections there, CLI_USAGE when it is no target at all */
export async function requireRunning(to: string): Promise<string> {
  const target = parseTarget(to);
  if (!target) {
    const reason = `--to ${to}: must be http://HOST:PORT, https://HOST:PORT or unix:/PATH`;
    throw new PosternError('CLI_USAGE', { reason, command: 'demo' });
  }
  const address = target.kind === 'unix' ? { path: target.path } : { host: target.host, port: target.port };
  const why = await whyUnreachable(address, TARGET_TIMEOUT_MS);
  if (why !== undefined) throw new PosternError('DEMO_TARGET_DOWN', { target: to, reason: why });
  return to;
}
