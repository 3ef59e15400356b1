import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { PosternError } from '../../core/errors/index.ts';
import { accountOf } from '../../core/relay-layout.ts';
import { createFile, makeFolder, readBoundedFile } from '../../platform/files.ts';
import { homeFolder } from '../../platform/home-folder.ts';
import { type OwnKey, ensureOwnKey } from '../../platform/own-key.ts';
import { type RelayFile, relayFiles } from '../../provision/render/relay-files.ts';
import { relayInputOf } from '../../provision/render/relay-input.ts';
import { setupScript, takeBackScript } from '../../provision/render/setup-commands.ts';
import { ordinaryAccountKeyLine } from '../../provision/render/sshd.ts';
import { printNote, printResult } from '../output.ts';

interface Options {
  readonly config?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** `postern relay-files`: everything that the relay needs, for people who set it up by hand. */
export function define(command: Command): void {
  command
    .option('--config <file>', 'the configuration (default: ~/.postern/postern.yaml)')
    .option('--out <dir>', 'write the files, setup.sh and take-back.sh into this folder')
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
Nothing on the relay is changed by this command. Without --out it shows every
file with its path, owner and mode, and the commands around them. With --out:

  postern relay-files --out relay
  scp -r relay root@SERVER:          # then, on the server:
  sh relay/setup.sh                  # and back again: sh relay/take-back.sh`;

async function run(options: Options): Promise<void> {
  const { config } = await loadConfig({ path: options.config, env: process.env });
  const key = await ensureOwnKey(homeFolder(process.env));
  if (key.isNew) printNote(`Made Postern's own ssh key: ${key.file}`);
  if (config.relay.forward === 'port') return showKeyLine(config, key, options);
  warnOfOtherAccount(config);
  const input = relayInputOf(config, key.publicKey);
  const files = relayFiles(input);
  const scripts: Scripts = { setup: setupScript(input, files), takeBack: takeBackScript(input, files) };
  if (options.out !== undefined) {
    await writeAll(options.out, files, scripts);
    printNote(`Wrote ${files.length} files, setup.sh and take-back.sh to ${options.out}.`);
    printNote(`Next: scp -r ${options.out} ${targetOf(config)}: and run setup.sh there as root.`);
  }
  if (options.json) printResult(JSON.stringify({ files, ...scripts, key: key.file }, null, 2));
  else if (options.out === undefined) printResult(showAll(files, scripts));
}

function warnOfOtherAccount({ home, relay }: Config): void {
  if (relay.account === undefined || relay.account === accountOf(home)) return;
  printNote(
    `These files make the account ${accountOf(home)}, but relay.account says ${relay.account}: take that line out of postern.yaml.`,
  );
}

interface Scripts {
  readonly setup: string;
  readonly takeBack: string;
}

function targetOf(config: Config): string {
  return `${config.relay.user ?? 'root'}@${config.relay.host}`;
}

/** Without root on the relay there is one line to add, and nothing else that Postern could place there. */
function showKeyLine(config: Config, key: OwnKey, options: Options): void {
  const publicKey = key.publicKey.split(' ').slice(0, 2).join(' ');
  const line = ordinaryAccountKeyLine({ home: config.home, publicKey }, config.relay.ports);
  if (options.json) return printResult(JSON.stringify({ authorizedKey: line, key: key.file }, null, 2));
  printResult(
    `# forward: port needs no root on the relay. Add this line to ~/.ssh/authorized_keys there:\n${line}`,
  );
  printNote(
    'This key may run programs as that account, since Postern sends its session script that way: take an account that is for this alone.',
  );
  printNote(
    'Whatever takes visitors on the relay has to hand them to these loopback ports. Any local user of the relay can open them.',
  );
}

function showAll(files: readonly RelayFile[], scripts: Scripts): string {
  const shown = files.map(
    (file) =>
      `===== ${file.path}\n===== ${file.owner}:${file.group} ${file.mode}: ${file.purpose}\n${file.content}`,
  );
  return [
    ...shown,
    `===== to set up, as root, beside a folder "files" that holds the above under their paths (--out writes it)\n${scripts.setup}`,
    `===== to take it back\n${scripts.takeBack}`,
  ].join('\n');
}

async function writeAll(out: string, files: readonly RelayFile[], scripts: Scripts): Promise<void> {
  for (const file of files) {
    await writeNew(join(out, 'files', file.path), file.content, Number.parseInt(file.mode, 8));
  }
  await writeNew(join(out, 'setup.sh'), scripts.setup, 0o755);
  await writeNew(join(out, 'take-back.sh'), scripts.takeBack, 0o755);
}

/** A file that is there stays; running the same command twice is fine. */
async function writeNew(path: string, content: string, mode: number): Promise<void> {
  await makeFolder(dirname(path), 0o755);
  if (await createFile(path, content, mode)) return;
  const there = await readBoundedFile(path);
  if (!there.ok || there.file.bytes.toString('utf8') !== content) {
    throw new PosternError('RELAY_FILES_EXIST', { path });
  }
}
