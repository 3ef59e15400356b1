import { createHash, timingSafeEqual } from 'node:crypto';
import { getRequestListener } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import * as z from 'zod';
import { EXIT, type ExitStatus, PosternError, isPosternError } from '../../core/errors/index.ts';
import type { Log } from '../../core/log.ts';
import type { HttpListener } from '../../platform/control-transport.ts';
import type { CertificateStatus, DaemonStatus, GuardAnswer } from '../contract.ts';
import { CONTROL_HOST } from './names.ts';

/** What the control API lets the command line do. */
export interface Controlled {
  status(): DaemonStatus | Promise<DaemonStatus>;
  /** Starts the end and returns at once. */
  stop(isAtOnce: boolean): void;
  beginHandOver(): void;
  cancelHandOver(): void;
  /** The operator's side of the login, one method of `AuthAdmin` by name. @throws DAEMON_REFUSED for an unknown one */
  admin(method: string, input: unknown): Promise<unknown>;
  /** Shuts a service whose login does not hold. @returns false when there is no such service */
  shutService(name: string, answer: string): boolean;
  /** Lets the guard of a service look now. */
  lookAtService(name: string): Promise<GuardAnswer>;
  certificates(): readonly CertificateStatus[];
  /** Resolves when it is done, which takes seconds to minutes. @param name `undefined`: every name */
  renewCertificates(name: string | undefined, isRehearsal: boolean): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;

const stopSchema = z.strictObject({ isAtOnce: z.boolean() });
const renewSchema = z.strictObject({ name: z.string().optional(), isRehearsal: z.boolean() });
const shutSchema = z.strictObject({ service: z.string().max(253), answer: z.string().max(500) });
const lookSchema = z.strictObject({ service: z.string().max(253) });
const handOverSchema = z.strictObject({ step: z.enum(['begin', 'cancel']) });

/**
 * The control API. Who may speak to it is settled before any route: the right Host, no Origin (a web page sends one,
 * our programs do not), the token of this daemon.
 */
export function makeControlListener(controlled: Controlled, token: string, log: Log): HttpListener {
  const api = new Hono();
  api.use(async (context, next) => {
    const refusal = refuse(context, token);
    if (refusal === undefined) return next();
    log.warn({ path: context.req.path, reason: refusal }, 'a control request was refused');
    return context.json({ error: new PosternError('DAEMON_REFUSED', { reason: refusal }) }, 403);
  });
  api.use(bodyLimit({ maxSize: MAX_BODY_BYTES }));
  api.get('/v1/status', async (context) => context.json(await controlled.status()));
  api.post('/v1/stop', async (context) => {
    controlled.stop((await readBody(context, stopSchema)).isAtOnce);
    return context.json({}, 202);
  });
  api.post('/v1/hand-over', async (context) => {
    const { step } = await readBody(context, handOverSchema);
    if (step === 'begin') controlled.beginHandOver();
    else controlled.cancelHandOver();
    return context.json({});
  });
  api.post('/v1/services/shut', async (context) => {
    const { service, answer } = await readBody(context, shutSchema);
    return context.json({ isShut: controlled.shutService(service, answer) });
  });
  api.post('/v1/services/look', async (context) =>
    context.json(await controlled.lookAtService((await readBody(context, lookSchema)).service)),
  );
  api.post('/v1/auth/:method', async (context) => {
    const input = await readBody(context, z.record(z.string(), z.unknown()));
    return context.json({ result: (await controlled.admin(context.req.param('method'), input)) ?? null });
  });
  api.get('/v1/certificates', (context) => context.json({ certificates: controlled.certificates() }));
  api.post('/v1/certificates/renew', async (context) => {
    const { name, isRehearsal } = await readBody(context, renewSchema);
    await controlled.renewCertificates(name, isRehearsal);
    return context.json({ certificates: controlled.certificates() });
  });
  api.notFound((context) =>
    context.json({ error: new PosternError('DAEMON_REFUSED', { reason: 'there is no such call' }) }, 404),
  );
  api.onError((error, context) => {
    if (!isPosternError(error)) log.error({ error, path: context.req.path }, 'a control request failed');
    const told = isPosternError(error)
      ? error
      : new PosternError('INTERNAL', { reason: error.message }, error);
    return context.json({ error: { ...told.toJSON(), details: told.details } }, statusOf(told.exit));
  });
  return getRequestListener(api.fetch, { hostname: CONTROL_HOST }) as HttpListener;
}

/** @returns why a request is refused */
function refuse({ req }: Context, token: string): string | undefined {
  if (req.header('host') !== CONTROL_HOST) return 'the Host is not ours';
  if (req.header('origin') !== undefined || req.header('sec-fetch-site') !== undefined) {
    return 'it came from a web page';
  }
  return isSame(req.header('authorization') ?? '', `Bearer ${token}`) ? undefined : 'the token is not ours';
}

/** Compares in a time that says nothing about the content. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

async function readBody<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  if (context.req.header('content-type') !== 'application/json') {
    throw new PosternError('DAEMON_REFUSED', { reason: 'the body is not application/json' });
  }
  const parsed = schema.safeParse(await context.req.json().catch(() => undefined));
  if (!parsed.success)
    throw new PosternError('DAEMON_REFUSED', { reason: 'the body is not what is expected' });
  return parsed.data;
}

function statusOf(exit: ExitStatus): 400 | 403 | 500 | 503 {
  switch (exit) {
    case EXIT.usage:
      return 400;
    case EXIT.denied:
      return 403;
    case EXIT.unreachable:
      return 503;
    case EXIT.fine:
    case EXIT.failed:
    case EXIT.changesPending:
      return 500;
  }
}
