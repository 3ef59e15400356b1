import { sessionCommandOf, socketOf } from '../../src/core/relay-layout.ts';
import { silentLog } from '../../src/core/log.ts';
import type { RelayAddress } from '../../src/link/contract.ts';
import { startLink } from '../../src/link/link.ts';
import { systemClock } from '../../src/platform/clock.ts';

/**
 * A daemon that a test can kill: it holds a link and prints `up` while its connections are, and `down` when one fails.
 * argv: the relay's address as JSON, the home's ID, the run folder.
 */
const [relay = '{}', home = 'x', runFolder = ''] = process.argv.slice(2);
const link = startLink({
  relay: JSON.parse(relay) as RelayAddress,
  connections: 2,
  heartbeatMs: 1000,
  remoteCommand: sessionCommandOf,
  openHomeEnd: async (slot) => ({
    forwards: [
      { remote: { path: socketOf(home, slot, 'tls') }, local: { path: `${runFolder}/nobody-${slot}.sock` } },
    ],
    passed: Promise.resolve(),
    close: async () => {},
  }),
  sendProbe: async () => {},
  runFolder,
  clock: systemClock,
  log: silentLog,
});
link.onEvent(({ kind }) => {
  if (kind === 'down') process.stdout.write('down\n');
});
setInterval(() => {
  if (link.status().every(({ state }) => state === 'up')) process.stdout.write('up\n');
}, 50);
