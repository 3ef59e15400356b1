// The ssh connections behind which the reference nginx stands: the link's own arguments, session and heartbeat,
// without its supervision. One JSON argument; prints `ready` when every session has answered.
import type { RelayAddress } from '../../src/link/contract.ts';
import { sshArguments } from '../../src/link/argv.ts';
import { sessionCommandOf, socketOf } from '../../src/core/relay-layout.ts';
import { spawnProcess } from '../../src/platform/processes.ts';

const { relay, home, connections, localSocket } = JSON.parse(process.argv[2] ?? '{}') as {
  relay: RelayAddress;
  home: string;
  connections: number;
  localSocket: string;
};

const openConnection = (slot: number): Promise<void> =>
  new Promise((resolve) => {
    const forward = { remote: { path: socketOf(home, slot, 'tls') }, local: { path: localSocket } };
    const child = spawnProcess(
      'ssh',
      sshArguments({ relay, forwards: [forward], remoteCommand: sessionCommandOf(slot), hasAes: true }),
    );
    child.stdout.on('data', () => resolve());
    child.stderr.pipe(process.stderr);
    setInterval(() => child.stdin.write('h beat\n'), 1000);
    process.once('SIGTERM', () => child.kill());
    void child.ended.then(() => process.exit(1));
  });

await Promise.all(Array.from({ length: connections }, (_, index) => openConnection(index + 1)));
console.log('ready');
