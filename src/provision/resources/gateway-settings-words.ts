import { printable } from '../../core/printable.ts';
import type { SettingsState } from './gateway-settings-values.ts';

/** The change for a person. Pure; these settings hold no secret. */
export function describeChange(
  from: SettingsState,
  to: SettingsState,
  lanAddresses: readonly string[],
): string[] {
  return [
    ...describeText('gateway.bind', from.bind, to.bind),
    ...describeLostWays(from, to, lanAddresses),
    ...describeList('gateway.trustedProxies', from.trustedProxies, to.trustedProxies),
    ...describeList('gateway.controlUi.allowedOrigins', from.allowedOrigins, to.allowedOrigins),
    ...describeText('the address in pairing links', from.publicUrl, to.publicUrl),
  ];
}

function describeText(name: string, from: string | null, to: string | null): string[] {
  if (from === to) return [];
  const show = (value: string | null): string => (value === null ? 'not set' : printable(value));
  return [`${name}: ${show(from)} -> ${show(to)}`];
}

function describeList(name: string, from: readonly string[], to: readonly string[]): string[] {
  const added = to.filter((entry) => !from.includes(entry));
  const gone = from.filter((entry) => !to.includes(entry));
  return [
    ...(added.length > 0 ? [`${name}: also ${added.map((one) => printable(one)).join(', ')}`] : []),
    ...(gone.length > 0 ? [`${name}: without ${gone.map((one) => printable(one)).join(', ')}`] : []),
  ];
}

/** Who reaches the gateway now and will not any more. */
export function describeLostWays(
  from: SettingsState,
  to: SettingsState,
  lanAddresses: readonly string[],
): string[] {
  if (to.bind !== 'loopback' || from.bind === to.bind || from.bind === null) return [];
  const instead = to.publicUrl === null ? 'the public name' : to.publicUrl;
  switch (from.bind) {
    case 'lan': {
      const shown = lanAddresses.map((address) => printable(address)).join(' or ');
      const at = shown === '' ? 'over the address of this machine' : `at ${shown}`;
      return [
        `Devices of the local network that use the gateway ${at} lose that way in; they use ${instead}.`,
      ];
    }
    case 'tailnet':
      return [`Devices of the tailnet that use the gateway directly lose that way in; they use ${instead}.`];
    case 'auto':
      return [
        `Where the gateway runs in a container, others of its network lose their way in; they use ${instead}.`,
      ];
    default:
      return [
        `Whoever uses the gateway at the address it listens on now loses that way in; they use ${instead}.`,
      ];
  }
}
