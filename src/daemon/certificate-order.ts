import { X509Certificate, createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { PosternError } from '../core/errors/index.ts';
import { makeKeyPem, parseAccountKey } from '../edge/tls/acme/account-key.ts';
import type { AcmeAccount } from '../edge/tls/acme/account.ts';
import type { ChallengeSolver } from '../edge/tls/acme/contract.ts';
import { type IssueOptions, issueCertificate, proveName } from '../edge/tls/acme/issue.ts';
import { checkCertificate } from '../edge/tls/certificate-check.ts';
import { readBoundedFile, removeFile, writeFileAtomically } from '../platform/files.ts';
import { type AccountOptions, openAcmeAccount } from './certificate-account.ts';

export interface OrderOptions extends AccountOptions {
  readonly name: string;
  readonly solver: ChallengeSolver;
  /** The certificate in use, PEM. */
  readonly inUse: string | undefined;
}

/** An order that was begun: after a crash it is gone on with, so that no certificate is asked for twice. */
interface BegunOrder {
  readonly directoryUrl: string;
  readonly orderUrl: string;
  readonly key: string;
}

/**
 * Gets a certificate and puts it into the place of the one in use, key and chain in one file and in one step: only
 * after it was found to be for that name and key, valid now, with a chain that holds together.
 * @throws what `issueCertificate` throws, ACME_CERTIFICATE_UNUSABLE, ACME_FILE_UNUSABLE
 */
export async function orderCertificate(options: OrderOptions): Promise<void> {
  const { settings, name, clock } = options;
  const file = join(settings.certsFolder, `${name}.pem`);
  const memo = join(settings.certsFolder, `${name}.order.json`);
  const known = await readBegunOrder(memo, settings.directoryUrl);
  const begun = known && isInUse(known, options.inUse) ? undefined : known;
  const key = begun?.key ?? makeKeyPem();
  const account = await openAcmeAccount(options);
  const chain = await issueCertificate({
    ...(await makeIssueOptions(options, account, key)),
    earlierOrderUrl: begun?.orderUrl,
    onOrder: (orderUrl) =>
      write(
        memo,
        JSON.stringify({ directoryUrl: settings.directoryUrl, orderUrl, key } satisfies BegunOrder),
      ),
  });
  const checked = checkCertificate({ name, chain, key, nowMs: clock.nowMs() });
  if (checked.ok) await write(file, `${key.trim()}\n${chain.trim()}\n`);
  await removeFile(memo);
  if (!checked.ok)
    throw new PosternError('ACME_CERTIFICATE_UNUSABLE', { service: name, reason: checked.reason });
}

/**
 * All of an order up to the point where a certificate would be issued; nothing is kept.
 * @throws what `proveName` throws
 */
export async function rehearseOrder(options: OrderOptions): Promise<void> {
  const account = await openAcmeAccount({ ...options, directoryUrl: options.settings.rehearsalUrl });
  const issue = await makeIssueOptions({ ...options, inUse: undefined }, account, makeKeyPem());
  await proveName(issue);
}

async function makeIssueOptions(
  { name, solver, settings, inUse }: OrderOptions,
  account: AcmeAccount,
  keyPem: string,
): Promise<IssueOptions> {
  return {
    account,
    name,
    solver,
    keyPem,
    profile: settings.profile,
    replaces: await replacedBy(account, inUse),
    earlierOrderUrl: undefined,
    onOrder: () => Promise.resolve(),
  };
}

/** Only an authority with renewal information knows what `replaces` means (RFC 9773 §5). */
async function replacedBy(account: AcmeAccount, inUse: string | undefined): Promise<string | undefined> {
  if (inUse === undefined) return undefined;
  if ((await account.client.directory()).renewalInfo === undefined) return undefined;
  const { certificateIdOf } = await import('../edge/tls/acme/certificate-id.ts');
  return certificateIdOf(inUse);
}

/** Killed between the last two steps: the order was brought to its end, and its certificate is the one to be renewed. */
function isInUse({ key }: BegunOrder, inUse: string | undefined): boolean {
  return inUse !== undefined && new X509Certificate(inUse).checkPrivateKey(createPrivateKey(key));
}

/** One of another directory, or that cannot be read, is as good as none. */
async function readBegunOrder(path: string, directoryUrl: string): Promise<BegunOrder | undefined> {
  const read = await readBoundedFile(path);
  if (!read.ok) return undefined;
  try {
    const begun = JSON.parse(read.file.bytes.toString('utf8')) as Partial<BegunOrder> | null;
    const { orderUrl, key } = begun ?? {};
    if (
      begun?.directoryUrl !== directoryUrl ||
      typeof orderUrl !== 'string' ||
      typeof key !== 'string' ||
      !parseAccountKey(key)
    ) {
      return undefined;
    }
    return { directoryUrl, orderUrl, key };
  } catch {
    return undefined;
  }
}

async function write(path: string, content: string): Promise<void> {
  await writeFileAtomically(path, content, 0o600).catch((error: unknown) => {
    const reason = (error as NodeJS.ErrnoException).code ?? 'it cannot be written';
    throw new PosternError('ACME_FILE_UNUSABLE', { path, reason });
  });
}
