import type { Config } from '../../config/schema.ts';
import { parseTarget } from '../../config/target.ts';
import type { WantedSettings } from './gateway-settings-values.ts';

export interface WantedGateways {
  /** For the gateway on this machine; undefined when none is published. */
  readonly here: WantedSettings | undefined;
  /** Names whose gateway is another machine's: its settings cannot be reached from here. */
  readonly elsewhere: readonly string[];
}

/** What the configuration wants of gateways. Pure. */
export function wantedGateways(config: Config): WantedGateways {
  const published = config.services.filter(({ kind }) => kind === 'openclaw');
  const isHere = ({ to }: { to: string }): boolean => {
    const target = parseTarget(to);
    return target?.kind === 'unix' || (target !== undefined && isLoopback(target.host));
  };
  const { httpsPort } = config.relay;
  const originOf = (name: string): string => `https://${name}${httpsPort === 443 ? '' : `:${httpsPort}`}`;
  const origins = published.filter(isHere).map(({ name }) => originOf(name));
  return {
    here: origins.length === 0 ? undefined : { origins },
    elsewhere: published.filter((service) => !isHere(service)).map(({ name }) => name),
  };
}

const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host);
