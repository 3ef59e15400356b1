import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { PosternError } from '../../core/errors/index.ts';
import { acmeSettingsOf, openAcmeAccount } from '../../daemon/certificate-account.ts';
import type { CertificateStatus } from '../../daemon/contract.ts';
import { connectToDaemon } from '../../daemon/control/client.ts';
import { systemClock } from '../../platform/clock.ts';
import { homeFolder, makeHomeFolder } from '../../platform/home-folder.ts';
import { printNote, printResult } from '../output.ts';
import { renderCertificates } from '../render-certificates.ts';

interface Options {
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** An authority looks at a name from several places, and may take its time. */
const RENEW_TIMEOUT_MS = 10 * 60_000;

/** `postern cert`: the certificates of the names that end TLS at home. */
export function define(command: Command): void {
  command
    .command('status')
    .description('Show each certificate: where it comes from, until when it lasts, when it is renewed')
    .option('--json', 'one JSON object')
    .action(showStatus);
  command
    .command('renew')
    .description('Renew certificates by ACME now, whether they are due or not')
    .argument('[name]', 'one public name; left out: all')
    .option('--dry-run', 'only find out whether it would work; nothing is issued')
    .option('--json', 'one JSON object')
    .action(renew);
  command
    .command('account')
    .description("Print the URL of this home's account at the authority, for a CAA record")
    .option('--json', 'one JSON object')
    .action(showAccount);
  command.addHelpText('after', HELP);
}

const HELP = `
Certificates are renewed by themselves: in the window that the authority
suggests (RFC 9773), else at two thirds of their life. The one in use goes on
until a better one is there.

Examples:
  postern cert status
  postern cert renew chat.example.com --dry-run
  postern cert account

With acme.directory: letsencrypt a dry run goes to its staging environment.
Exit status 69: the daemon is not running, or the authority is out of reach.`;

async function showStatus({ json = false }: Options): Promise<void> {
  const daemon = await connectToDaemon(homeFolder(process.env));
  show(await daemon.certificates(), json);
}

async function renew(name: string | undefined, { json = false, dryRun = false }: Options): Promise<void> {
  const daemon = await connectToDaemon(homeFolder(process.env), RENEW_TIMEOUT_MS);
  if (!json) printNote(dryRun ? 'Trying …' : 'Renewing …');
  const certificates = await daemon.renewCertificates(name?.toLowerCase(), dryRun);
  if (!json && dryRun) return printNote('It would work: the authority has seen that the names are ours.');
  show(certificates, json);
}

/** Needs no daemon: the record has to be there before the first certificate is asked for. */
async function showAccount({ json = false }: Options): Promise<void> {
  const folder = homeFolder(process.env);
  const { config, path } = await loadConfig({ env: process.env });
  const settings = await acmeSettingsOf(config, path, folder);
  if (!settings) {
    const directory = config.acme?.directory ?? 'letsencrypt';
    throw new PosternError('ACME_TERMS_NOT_AGREED', { service: 'This home', directory });
  }
  await makeHomeFolder(folder);
  const url = await (await openAcmeAccount({ settings, clock: systemClock })).url();
  printResult(json ? JSON.stringify({ account: url }) : url);
}

function show(certificates: readonly CertificateStatus[], json: boolean): void {
  if (json) return printResult(JSON.stringify({ certificates }));
  if (certificates.length === 0)
    return printNote('No name ends TLS at home, so there is no certificate here.');
  printResult(renderCertificates(certificates, systemClock.nowMs()));
}
