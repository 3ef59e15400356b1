import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ChildHandle, runProcess, spawnProcess } from '../../src/platform/processes.ts';
import { must } from '../../test/support/namespace.ts';
import type { Host, Lab } from '../../test/support/relay.ts';

const SOURCE = fileURLToPath(new URL('./link-emulator.c', import.meta.url));
const FLAGS = ['-O2', '-Wall', '-pthread'];

/** Round trips of the two wires of a lab, milliseconds; 0 leaves the plain wire, which is faster than any emulator. */
export interface RoundTrips {
  readonly homeMs: number;
  readonly clientMs: number;
}

type End = 'home' | 'client';

/**
 * The wires of an isolated lab, with delay. A wire that is to have one is replaced by an emulated one with the same
 * device names, addresses and routes, so that the lab's faults work on it as before. Best laid before anything talks.
 */
export class Wires {
  readonly #lab: Lab;
  readonly #emulators = new Map<End, ChildHandle>();
  readonly #holders: ChildHandle[] = [];
  readonly #folder: string;
  readonly #removeFolder = (): void => rmSync(this.#folder, { recursive: true, force: true });

  private constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.#folder = folder;
    process.once('exit', this.#removeFolder);
  }

  /** @throws when there is no gcc */
  static async lay(lab: Lab, roundTrips: RoundTrips): Promise<Wires> {
    const wires = new Wires(lab, await mkdtemp(join(tmpdir(), 'postern-wires-')));
    await wires.setRoundTrips(roundTrips);
    return wires;
  }

  async setRoundTrips({ homeMs, clientMs }: RoundTrips): Promise<void> {
    await this.#setDelay('home', homeMs);
    await this.#setDelay('client', clientMs);
  }

  /** The emulated devices vanish. May be called any number of times. */
  async takeUp(): Promise<void> {
    const children = [...this.#emulators.values(), ...this.#holders.splice(0)];
    this.#emulators.clear();
    for (const child of children) child.stdin.end();
    await Promise.all(children.map((child) => child.ended));
    this.#removeFolder();
  }

  async #setDelay(end: End, roundTripMs: number): Promise<void> {
    if (roundTripMs === 0 && !this.#emulators.has(end)) return;
    const emulator = this.#emulators.get(end) ?? (await this.#emulate(end));
    emulator.stdin.write(`${Math.round(roundTripMs * 500)} 0\n`);
    await said(emulator, 'set');
  }

  async #emulate(end: End): Promise<ChildHandle> {
    const program = join(this.#folder, 'link-emulator');
    const { status, startError, stderr } = await runProcess('gcc', [...FLAGS, '-o', program, SOURCE]);
    if (status !== 0) throw new Error(`gcc is needed for the link emulator: ${startError ?? stderr}`);
    const outer = `pl${this.#lab.address.home.split('.')[2]}${end[0]}`;
    await this.#ip(end, [`link del ${outer}`]);
    // Its first word proves that it has entered its namespace: before that it is still in ours.
    const far = this.#lab.spawn(end, 'sh', ['-c', 'echo inside; exec cat']);
    this.#holders.push(far);
    await said(far, 'inside');
    const relayPid = this.#lab.relayPath('').split('/')[2] ?? '';
    const emulator = spawnProcess(program, [String(far.pid), outer, relayPid, end]);
    this.#emulators.set(end, emulator);
    await said(emulator, 'ready');
    await (end === 'home' ? this.#configureHome(outer) : this.#configureClient(outer));
    return emulator;
  }

  /** As test/support/lab-network.ts does it for the plain wire. */
  async #configureHome(outer: string): Promise<void> {
    const { home, relayForHome } = this.#lab.address;
    await this.#ip('relay', [...up('home'), `addr add ${relayForHome}/24 dev home`]);
    await this.#ip('home', [
      ...up(outer),
      `addr add ${home}/24 dev ${outer}`,
      `route add default via ${relayForHome}`,
    ]);
  }

  async #configureClient(outer: string): Promise<void> {
    const { clients, home, relayForClient } = this.#lab.address;
    await this.#ip('relay', [
      ...up('client'),
      `addr add ${relayForClient}/32 dev client`,
      ...clients.map((address) => `route add ${address}/32 dev client src ${relayForClient}`),
    ]);
    await this.#ip('client', [
      ...up(outer),
      ...clients.map((address) => `addr add ${address}/32 dev ${outer}`),
      `route add ${relayForClient}/32 dev ${outer} src ${clients[0]}`,
      `route add ${home.replace(/\d+$/, '0')}/24 dev ${outer} src ${clients[0]}`,
    ]);
  }

  async #ip(host: Host, commands: readonly string[]): Promise<void> {
    await must(this.#lab.run(host, 'ip', ['-batch', '-'], { input: commands.join('\n') }));
  }
}

/** A long queue: what limits a flow is its window and the delay, not the device. */
const up = (device: string): string[] => [`link set ${device} up mtu 1500 txqueuelen 10000`];

function said(child: ChildHandle, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString();
      if (!text.split('\n').includes(word)) return;
      child.stdout.off('data', onData);
      resolve();
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    void child.ended.then(() => reject(new Error(`it ended: ${text}`)));
  });
}
