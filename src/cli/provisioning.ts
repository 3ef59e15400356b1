import { join } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { PosternError } from '../core/errors/index.ts';
import { silentLog } from '../core/log.ts';
import { relayAddressOf } from '../daemon/compose.ts';
import { sshArguments } from '../link/argv.ts';
import { classifyEnd } from '../link/classify.ts';
import { systemClock } from '../platform/clock.ts';
import { hasAesInstructions } from '../platform/cpu.ts';
import { type HomeFolder, homeFolder, makeHomeFolder } from '../platform/home-folder.ts';
import { ensureOwnKey } from '../platform/own-key.ts';
import { relayCatalogue } from '../provision/catalogue.ts';
import type { EngineOptions, Progress } from '../provision/engine.ts';
import { Journal } from '../provision/journal.ts';
import { type ClosableRelayAccess, openRelayAccess } from '../provision/relay-access.ts';
import type { ExplainSsh } from '../provision/remote/ssh-shell.ts';
import { printNote } from './output.ts';

/** Options that every command which looks at the relay as its operator has. */
export interface ProvisionOptions {
  readonly config?: string;
  readonly sshConfig?: string;
  readonly json?: boolean;
}

export function addProvisionOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration (default: ~/.postern/postern.yaml)')
    .option('--ssh-config <file>', 'for the login as relay.user, instead of ~/.ssh/config')
    .option('--json', 'one JSON object');
}

/**
 * Opens what plan, apply, undo and destroy work with, and closes it again.
 * @param work gets the engine's options
 */
export async function withEngine<T>(
  options: ProvisionOptions,
  work: (engine: EngineOptions) => Promise<T>,
): Promise<T> {
  const { config } = await loadConfig({ path: options.config, env: process.env });
  const folder = homeFolder(process.env);
  await makeHomeFolder(folder);
  const key = await ensureOwnKey(folder);
  if (key.isNew) printNote(`Made Postern's own ssh key: ${key.file}`);
  const catalogue = relayCatalogue({ config, publicKey: key.publicKey });
  const relay = await openRelay(config, folder, options);
  const scope = `${config.home}@${config.relay.host}:${config.relay.port}`;
  const journal = await Journal.open(join(folder.root, 'provision.db'), scope);
  try {
    return await work({
      home: config.home,
      relay: `${config.relay.host}:${config.relay.port}`,
      catalogue,
      journal,
      world: { relay, clock: systemClock, log: silentLog },
      onProgress: options.json ? () => {} : progressPrinter(),
    });
  } finally {
    journal.close();
    await relay.close();
  }
}

async function openRelay(
  config: Config,
  folder: HomeFolder,
  { sshConfig }: ProvisionOptions,
): Promise<ClosableRelayAccess> {
  const link = await relayAddressOf(config, folder);
  return openRelayAccess({
    address: {
      host: config.relay.host,
      port: config.relay.port,
      user: config.relay.user ?? 'root',
      knownHostsFile: link.knownHostsFile,
      sshConfigFile: sshConfig,
      mayAsk: process.stdin.isTTY && process.stderr.isTTY,
    },
    linkArguments: sshArguments({
      relay: link,
      forwards: [],
      remoteCommand: 'prove',
      hasAes: await hasAesInstructions(),
    }),
    explainSsh,
    clock: systemClock,
  });
}

const explainSsh: ExplainSsh = (end) => {
  const { code, line } = classifyEnd(end);
  return new PosternError(code, { line });
};

/** One line when a step begins, one with its time when it is done. */
function progressPrinter(): (progress: Progress) => void {
  let startedMs = systemClock.monotonicMs();
  return ({ phase, what, index, count }) => {
    if (phase === 'written') {
      startedMs = systemClock.monotonicMs();
      printNote(`  ${index}/${count} ${what} …`);
    }
    if (phase === 'done') {
      const seconds = (systemClock.monotonicMs() - startedMs) / 1000;
      printNote(`  ${index}/${count} ${what}: done (${seconds.toFixed(1)} s)`);
    }
  };
}
