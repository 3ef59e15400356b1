import { runProcess } from '../../src/platform/processes.ts';
import { type Namespace, must } from './namespace.ts';

/** One of the relay's two wires. Inside the relay its interface has the same name. */
export type LinkName = 'home' | 'client';

export interface Addresses {
  /** The home's, on the wire that ssh uses. */
  readonly home: string;
  /** The relay's, for ssh. */
  readonly relayForHome: string;
  /** The visitor's addresses: public ones (RFC 5737, RFC 2544), so that they count as real visitors. */
  readonly clients: readonly string[];
  /** The relay's, for visitors. */
  readonly relayForClient: string;
  readonly clientV6: string;
  readonly relayForClientV6: string;
}

export function addressesOf(lab: number): Addresses {
  return {
    home: `10.77.${lab}.1`,
    relayForHome: `10.77.${lab}.2`,
    clients: [`198.51.100.${lab}`, ...[1, 2, 3, 4].map((last) => `198.18.${lab}.${last}`)],
    relayForClient: `203.0.113.${lab}`,
    clientV6: `2001:db8:${lab}::1`,
    relayForClientV6: `2001:db8:${lab}::2`,
  };
}

/** Where the far end of the relay's wires is: in the machine's own network, or in a namespace. */
export type Place = Namespace | undefined;

export async function ip(place: Place, commands: readonly string[]): Promise<void> {
  const options = { input: commands.join('\n') };
  await must(place ? place.run('ip', ['-batch', '-'], options) : runProcess('ip', ['-batch', '-'], options));
}

export const outerName = (lab: number, link: LinkName): string => `pl${lab}${link[0]}`;

/**
 * Makes the two wires with a number that no other lab on this machine has: the kernel refuses a second interface
 * of the same name, so that is the lock, and it vanishes with the relay.
 * @returns the number
 */
export async function claimNumber(relay: Namespace, home: Place): Promise<number> {
  const first = 1 + Math.floor(Math.random() * 250);
  for (let step = 0; step < 250; step++) {
    const lab = 1 + ((first + step) % 250);
    const args = [
      'link',
      'add',
      outerName(lab, 'home'),
      'type',
      'veth',
      'peer',
      'name',
      'home',
      'netns',
      String(relay.pid),
    ];
    const made = home ? await home.run('ip', args) : await runProcess('ip', args);
    if (made.status === 0) return lab;
    if (!made.stderr.includes('exists')) throw new Error(`ip ${args.join(' ')}: ${made.stderr}`);
  }
  throw new Error('no free lab number on this machine');
}

export async function addClientWire(lab: number, relay: Namespace, client: Place): Promise<void> {
  await ip(client, [`link add ${outerName(lab, 'client')} type veth peer name client netns ${relay.pid}`]);
}

/** Addresses and routes at both ends of both wires. Where both far ends have namespaces, the relay also routes between them. */
export async function configureWires(
  lab: number,
  relay: Namespace,
  home: Place,
  client: Place,
): Promise<void> {
  const at = addressesOf(lab);
  const [homeEnd, clientEnd] = [outerName(lab, 'home'), outerName(lab, 'client')];
  await Promise.all([
    ip(relay, ['link set lo up', ...relayEnd(lab)]),
    ip(home, [
      ...(home ? ['link set lo up'] : []),
      `link set ${homeEnd} up`,
      `addr add ${at.home}/24 dev ${homeEnd}`,
      ...(home ? [`route add default via ${at.relayForHome}`] : []),
    ]),
    ip(client, [
      ...(client ? ['link set lo up'] : []),
      `link set ${clientEnd} up`,
      ...at.clients.map((address) => `addr add ${address}/32 dev ${clientEnd}`),
      `addr add ${at.clientV6}/64 dev ${clientEnd} nodad`,
      `route add ${at.relayForClient}/32 dev ${clientEnd} src ${at.clients[0]}`,
      ...(client
        ? [
            `route add 10.77.${lab}.0/24 via ${at.relayForClient} dev ${clientEnd} onlink src ${at.clients[0]}`,
          ]
        : []),
    ]),
  ]);
}

/** The relay's ends, as commands that may be repeated: the kernel forgets routes when a carrier goes. */
export function relayEnd(lab: number): string[] {
  const at = addressesOf(lab);
  return [
    'link set home up',
    'link set client up',
    `addr replace ${at.relayForHome}/24 dev home`,
    `addr replace ${at.relayForClient}/32 dev client`,
    `addr replace ${at.relayForClientV6}/64 dev client nodad`,
    ...at.clients.map((address) => `route replace ${address}/32 dev client src ${at.relayForClient}`),
  ];
}

/** The far ends go with them. The kernel would do it by itself, a moment after the last process. */
export async function removeWires(relay: Namespace): Promise<void> {
  for (const link of ['home', 'client']) await relay.run('ip', ['link', 'del', link]);
}
