import { createHash } from 'node:crypto';
import type { Clock } from '../../../core/clock.ts';
import type { CertificatePair } from '../../contract.ts';
import type { ChallengeSolver, TxtRecords } from './contract.ts';

/**
 * TLS-ALPN-01 (RFC 8737): the edge answers the authority's own TLS connection with a certificate for the challenge.
 * @param setChallenge where the edge finds that certificate
 */
export function tlsAlpnSolver(
  setChallenge: (name: string, pair: CertificatePair | undefined) => void,
  clock: Clock,
): ChallengeSolver {
  return {
    type: 'tls-alpn-01',
    async present(name, keyAuthorization) {
      const { makeChallengeCertificate } = await import('./challenge-certificate.ts');
      setChallenge(name, await makeChallengeCertificate(name, keyAuthorization, clock.nowMs()));
    },
    withdraw(name) {
      setChallenge(name, undefined);
      return Promise.resolve();
    },
  };
}

/** DNS-01 (RFC 8555 §8.4): a TXT record at `_acme-challenge.NAME`. */
export function dnsSolver(records: TxtRecords): ChallengeSolver {
  return {
    type: 'dns-01',
    present: (name, keyAuthorization, signal) =>
      records.publishTxt(recordOf(name), digestOf(keyAuthorization), signal),
    // A record that stays behind proves nothing to anybody: its token has been used.
    withdraw: (name, keyAuthorization) =>
      records.removeTxt(recordOf(name), digestOf(keyAuthorization)).catch(() => {}),
  };
}

const recordOf = (name: string): string => `_acme-challenge.${name}`;

const digestOf = (keyAuthorization: string): string =>
  createHash('sha256').update(keyAuthorization).digest('base64url');
