import * as z from 'zod';
import { PosternError } from '../core/errors/index.ts';
import type { Plan } from './contract.ts';

/** Names get into messages: nothing that a terminal would obey. */
const resource = z.string().regex(/^[a-z0-9.:_-]{1,300}$/);

const change = z.strictObject({
  resource,
  place: z.enum(['relay', 'dns', 'home']),
  action: z.enum(['create', 'update', 'adopt', 'remove']),
  what: z.string(),
  why: z.string(),
  lines: z.array(z.string()),
  isRisky: z.boolean(),
  before: z.string(),
  after: z.string(),
});

const obstacle = z.strictObject({ sentence: z.string(), lines: z.array(z.string()), canAdopt: z.boolean() });

const planSchema = z.strictObject({
  version: z.literal(1),
  home: z.string(),
  relay: z.string(),
  changes: z.array(change),
  blocked: z.array(z.strictObject({ resource, what: z.string(), obstacles: z.array(obstacle) })),
  used: z.array(z.strictObject({ resource, what: z.string() })),
  unchanged: z.array(resource),
  notes: z.array(z.string()),
});

/**
 * A plan that `postern plan --save` wrote, for this home and this relay.
 * @throws PROVISION_PLAN_UNREADABLE
 */
export function readSavedPlan(
  path: string,
  text: string,
  { home, relay }: Pick<Plan, 'home' | 'relay'>,
): Plan {
  const refuse = (reason: string): never => {
    throw new PosternError('PROVISION_PLAN_UNREADABLE', { path, reason });
  };
  const parsed = planSchema.safeParse(parseJson(text));
  if (!parsed.success) return refuse('it is not what postern plan --save writes');
  if (parsed.data.home !== home) return refuse('it was made for another home');
  if (parsed.data.relay !== relay) return refuse('it was made for another relay');
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
