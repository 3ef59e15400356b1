import type { RenewalWindow } from './acme/renewal-info.ts';
import type { CertificateFacts } from './certificate-check.ts';

const HOUR_MS = 3_600_000;
/** An authority may be away for three days, and the attempts in between are up to an hour apart. */
const RESERVE_MS = 74 * HOUR_MS;

/** An authority that suggests "now" for each new certificate, by mistake, is not followed around the clock. */
const YOUNG_MS = 12 * HOUR_MS;

/** What is left of its life at the latest renewal: three days and two hours, or three fifths where its life is short. */
function reserveMs({ startsMs, endsMs }: CertificateFacts): number {
  return Math.min(RESERVE_MS, (endsMs - startsMs) * 0.6);
}

/**
 * When to renew a certificate: at the time chosen in the authority's window, else at two thirds of its life; never so
 * late that three days without the authority would let it end.
 * @param chosenMs a time within the authority's window (RFC 9773 §4.2); `undefined`: it named none
 * @returns milliseconds since 1970
 */
export function renewalTimeMs(facts: CertificateFacts, chosenMs: number | undefined): number {
  const { startsMs, endsMs } = facts;
  const lifeMs = endsMs - startsMs;
  const wantedMs =
    chosenMs === undefined
      ? startsMs + (lifeMs * 2) / 3
      : Math.max(chosenMs, startsMs + Math.min(YOUNG_MS, lifeMs / 6));
  return Math.min(wantedMs, endsMs - reserveMs(facts));
}

/** From here on a certificate that could not be renewed is an incident: a sixth of its life is left, or half of the reserve. */
export function alarmTimeMs(facts: CertificateFacts): number {
  return facts.endsMs - Math.max((facts.endsMs - facts.startsMs) / 6, reserveMs(facts) / 2);
}

/** A uniformly random time in the window, so that not everybody comes at once (RFC 9773 §4.2). */
export function chooseTimeMs({ startMs, endMs }: RenewalWindow, random: () => number): number {
  return startMs + Math.floor(random() * (endMs - startMs));
}
