import type { ServiceConfig } from '../config/schema.ts';
import type { CheckCode } from './catalogue.ts';
import type { CheckResult, Layer, LayerState, LinkFacts } from './contract.ts';

/** The six layers of defence that people build by hand (encryption, tunnel, password, pairing, token, nothing outside). */
export function layersOf(
  service: ServiceConfig,
  checks: readonly CheckResult[],
  link: LinkFacts,
): readonly Layer[] {
  const result = (code: CheckCode): CheckResult | undefined =>
    checks.find((check) => check.code === code && (check.subject === service.name || check.subject === ''));
  const layer = (name: string, [state, evidence]: Judgement): Layer => ({
    layer: name,
    service: service.name,
    state,
    evidence,
  });
  return [
    layer('key and certificate at home', judgeEncryption(service, result('CERTIFICATE_OURS'))),
    layer('the link: cipher and host key', judgeLink(link)),
    layer('login', judge([result('LOGIN')])),
    layer('gateway pairing (loopback guard)', judge([result('GUARD')])),
    layer('gateway token', judge([result('GATEWAY_TOKEN'), result('TOKEN_STRENGTH')])),
    layer(
      'nothing on the relay',
      service.tls === 'relay'
        ? ['off', 'tls: relay: the relay holds certificate and key, and reads everything']
        : judge([result('RELAY_PORTS'), result('RELAY_SOCKETS'), result('RELAY_FILES')]),
    ),
  ];
}

type Judgement = readonly [LayerState, string];

function judgeEncryption({ tls }: ServiceConfig, ours: CheckResult | undefined): Judgement {
  return tls === 'relay'
    ? ['off', 'tls: relay: TLS ends on the relay, which holds certificate and key']
    : judge([ours]);
}

function judgeLink({ up, total, ciphers, hostKey }: LinkFacts): Judgement {
  if (hostKey === undefined) return ['off', 'no host key of the relay is pinned'];
  if (up === undefined || up === 0) return ['not-looked-at', 'no connection of the link is up'];
  return ['on', `${up} of ${total} connections up; host key ${hostKey}; ciphers ${ciphers} and no others`];
}

/** On only when everything that belongs to it was seen to hold. */
function judge(results: readonly (CheckResult | undefined)[]): Judgement {
  const known = results.filter((one) => one !== undefined);
  const evidence = [...new Set(known.map((one) => one.evidence))].join('; ');
  if (known.some(({ outcome }) => outcome === 'open')) return ['off', evidence];
  if (known.length > 0 && known.every(({ outcome }) => outcome === 'not-applicable'))
    return ['not-applicable', evidence];
  const isSeen =
    known.length > 0 && known.every(({ outcome }) => outcome === 'shut' || outcome === 'not-applicable');
  return isSeen ? ['on', evidence] : ['not-looked-at', evidence];
}
