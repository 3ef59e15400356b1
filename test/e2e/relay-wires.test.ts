import { expect, test } from 'vitest';
import { Wires } from '../../bench/lab/wires.ts';
import { type Lab, startLab } from '../support/relay.ts';

/** Times of new TCP connections, milliseconds: one round trip each. */
async function connectTimes(
  lab: Lab,
  from: 'home' | 'client',
  host: string,
  port: number,
): Promise<number[]> {
  const program = `
    const { connect } = require('node:net');
    (async () => {
      for (let round = 0; round < 7; round++) {
        const since = performance.now();
        await new Promise((resolve, reject) => {
          const socket = connect(${port}, '${host}', () => { console.log(performance.now() - since); socket.destroy(); resolve(); });
          socket.on('error', reject);
        });
      }
    })();`;
  const { stdout } = await lab.run(from, process.execPath, ['-e', program], { timeoutMs: 15_000 });
  return stdout
    .trim()
    .split('\n')
    .map(Number)
    .sort((one, other) => one - other);
}

test('an emulated wire has the round trip it was asked for, and the lab keeps its ways and faults on it', async () => {
  const lab = await startLab({ isolated: true });
  const wires = await Wires.lay(lab, { homeMs: 20, clientMs: 40 });
  try {
    const home = await connectTimes(lab, 'home', lab.address.relayForHome, 22);
    const client = await connectTimes(lab, 'client', lab.address.relayForClient, 443);
    expect(home).toHaveLength(7);
    expect(home[0]).toBeGreaterThan(20);
    expect(home[3]).toBeLessThan(26);
    expect(client[0]).toBeGreaterThan(40);
    expect(client[3]).toBeLessThan(46);
    await wires.setRoundTrips({ homeMs: 100, clientMs: 40 });
    expect((await connectTimes(lab, 'home', lab.address.relayForHome, 22))[0]).toBeGreaterThan(100);
    await lab.faults.blackhole(true);
    const keyscan = (): Promise<string> =>
      lab
        .run('home', 'ssh-keyscan', ['-T', '1', '-t', 'ed25519', lab.relay.host], { timeoutMs: 5000 })
        .then(({ stdout }) => stdout);
    expect(await keyscan()).toBe('');
    await lab.faults.blackhole(false);
    expect(await keyscan()).toContain('ssh-ed25519');
  } finally {
    await wires.takeUp();
    await lab.stop();
  }
});
