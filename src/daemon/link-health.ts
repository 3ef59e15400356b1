import { PosternError } from '../core/errors/index.ts';
import type { Link, LinkEvent } from '../link/contract.ts';
import type { HealthTracker } from './health/tracker.ts';

/**
 * Says of the link what is broken: everything, one connection, or that Postern has stopped trying.
 * @param relay as the operator knows it
 */
export function watchLinkHealth(link: Link, health: HealthTracker, relay: string): () => void {
  let isHalted = false;
  const review = (): void => {
    const isUp = link.status().some(({ state }) => state === 'up');
    if (isUp) {
      isHalted = false;
      health.clear('LINK_HALTED', '');
      health.clear('LINK_DOWN', '');
    } else if (!isHalted) {
      health.report('LINK_DOWN', '', { relay });
    }
    for (const { slot, state } of link.status()) {
      if (state === 'up') health.clear('LINK_DEGRADED', String(slot));
      else health.report('LINK_DEGRADED', String(slot), { slot, relay });
    }
  };
  review();
  return link.onEvent((event: LinkEvent) => {
    if (event.kind === 'round-trip') return;
    if (event.kind === 'halted') {
      isHalted = true;
      const { code, text } = event;
      const cause = new PosternError(code, { line: text });
      health.report('LINK_HALTED', '', { relay, reason: cause.message, cause: code, fix: cause.remedy });
    }
    review();
  });
}
