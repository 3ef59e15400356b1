import { PosternError, isPosternError } from '../../../core/errors/index.ts';
import type { AcmeAccount } from './account.ts';
import { odd } from './client.ts';
import type { AcmeAuthorization, AcmeChallenge, AcmeOrder, ChallengeSolver } from './contract.ts';
import { type NewOrder, createOrder, readAuthorization, readOrder } from './order.ts';
import { pollUntil } from './poll.ts';

export interface IssueOptions extends NewOrder {
  readonly account: AcmeAccount;
  readonly solver: ChallengeSolver;
  /** The certificate's own private key, PKCS #8 in PEM. */
  readonly keyPem: string;
  /** An order that was begun with this key and perhaps not brought to its end. */
  readonly earlierOrderUrl: string | undefined;
  /** Told of the order before anything is done with it, so that it can be gone on with after a crash. */
  readonly onOrder: (url: string) => Promise<void>;
}

/**
 * Gets a certificate: order → prove the name → finalize → download (RFC 8555 §7.4).
 * @returns the chain in PEM, the leaf first; not yet checked
 * @throws ACME_UNREACHABLE, ACME_REFUSED, ACME_RATE_LIMITED, ACME_NOT_PROVEN, ACME_NO_WAY_TO_PROVE, ACME_ANSWER_ODD
 */
export async function issueCertificate(options: IssueOptions): Promise<string> {
  const { account } = options;
  const order = await proveName(options);
  const finished = order.status === 'valid' ? order : await finalize(options, order);
  if (finished.certificate === undefined) throw odd(finished.url, 'a valid order names no certificate');
  return onlyCertificates((await account.fetch(finished.certificate)).text);
}

/** Whatever else stands in the answer does not get into a file of ours (RFC 8555 §9.1). */
function onlyCertificates(text: string): string {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => `${block}\n`).join('');
}

/**
 * The first half alone: after it the authority would issue.
 * @returns an order that is at least `ready`
 */
export async function proveName(options: IssueOptions): Promise<AcmeOrder> {
  const { account, name } = options;
  const order = (await findEarlierOrder(options)) ?? (await startOrder(options));
  if (order.status !== 'pending') return judge(order, name);
  for (const url of order.authorizations) await authorize(options, url);
  const answer = await pollUntil(account, order.url, ({ json }) => json['status'] !== 'pending');
  return judge(readOrder(answer, order.url), name);
}

async function startOrder(options: IssueOptions): Promise<AcmeOrder> {
  const order = await createOrder(options.account, options).catch((error: unknown) => {
    // Replaced already, or by another authority (RFC 9773 §5): then it is an order like any other.
    const isRefused = isPosternError(error) && error.code === 'ACME_REFUSED';
    if (options.replaces === undefined || !isRefused) throw error;
    return createOrder(options.account, { ...options, replaces: undefined });
  });
  await options.onOrder(order.url);
  return order;
}

/** One that failed, ran out or is unknown is of no use any more. */
async function findEarlierOrder({
  account,
  earlierOrderUrl: url,
}: IssueOptions): Promise<AcmeOrder | undefined> {
  if (url === undefined) return undefined;
  try {
    const order = readOrder(await account.fetch(url), url);
    return order.status === 'invalid' ? undefined : order;
  } catch (error) {
    if (isPosternError(error) && ['ACME_REFUSED', 'ACME_ANSWER_ODD'].includes(error.code)) return undefined;
    throw error;
  }
}

async function authorize(options: IssueOptions, url: string): Promise<void> {
  const { account, solver, name } = options;
  const authorization = readAuthorization(await account.fetch(url), url);
  if (authorization.status === 'valid') return;
  const challenge = authorization.challenges.find(({ type }) => type === solver.type);
  if (!challenge) throw new PosternError('ACME_NO_WAY_TO_PROVE', { service: name, challenge: solver.type });
  const keyAuthorization = `${challenge.token}.${account.client.options.accountKey.thumbprint}`;
  try {
    await solver.present(name, keyAuthorization, account.client.options.signal);
    judgeAuthorization(await answerChallenge(account, url, challenge), solver, name);
  } finally {
    await solver.withdraw(name, keyAuthorization);
  }
}

/** RFC 8555 §7.5.1: an empty object says that the authority may look. */
async function answerChallenge(
  account: AcmeAccount,
  url: string,
  challenge: AcmeChallenge,
): Promise<AcmeAuthorization> {
  await account.post(challenge.url, {});
  const answer = await pollUntil(account, url, ({ json }) => json['status'] !== 'pending');
  return readAuthorization(answer, url);
}

function judgeAuthorization(
  { status, challenges }: AcmeAuthorization,
  { type }: ChallengeSolver,
  name: string,
): void {
  if (status === 'valid') return;
  const reason = challenges.find((challenge) => challenge.type === type)?.reason;
  throw new PosternError('ACME_NOT_PROVEN', {
    service: name,
    reason: reason ?? `the authorization is ${status}`,
  });
}

function judge(order: AcmeOrder, service: string): AcmeOrder {
  if (order.status !== 'invalid') return order;
  throw new PosternError('ACME_NOT_PROVEN', { service, reason: order.reason ?? 'the order is invalid' });
}

async function finalize({ account, keyPem, name }: IssueOptions, order: AcmeOrder): Promise<AcmeOrder> {
  if (order.status === 'ready') {
    const { makeSigningRequest } = await import('./csr.ts');
    await account.post(order.finalize, { csr: await makeSigningRequest(name, keyPem) });
  }
  const isDone = ({ json }: { json: Readonly<Record<string, unknown>> }): boolean =>
    json['status'] === 'valid' || json['status'] === 'invalid';
  return judge(readOrder(await pollUntil(account, order.url, isDone), order.url), name);
}
