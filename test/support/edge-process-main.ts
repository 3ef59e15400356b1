import type { Target } from '../../src/edge/contract.ts';
import { TestEdge } from './edge-home.ts';

// Started by edge-process.ts: an edge with room for many connections of one address.
const home = await TestEdge.start({
  target: JSON.parse(process.argv[2] ?? '') as Target,
  limits: { connectionsPerAddress: 5000, connectionsPerAddressSignedIn: 5000, connections: 5000 },
});
home.gatekeeper.keepsFacts = false;
home.log.keepsLines = false;
process.on('message', () => {
  void home.stop().then(() => process.disconnect());
});
process.on('disconnect', () => void home.stop());
process.send?.(home.doorPath);
