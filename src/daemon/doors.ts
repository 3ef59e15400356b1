import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Lane } from '../core/relay-layout.ts';
import type { Door, DoorAddress, Edge } from '../edge/contract.ts';
import type { HomeEnd } from '../link/contract.ts';
import { DOOR_OF_LANE, remoteEndOf } from './compose.ts';

export interface DoorOptions {
  readonly config: Config;
  readonly lanes: readonly Lane[];
  readonly edge: Pick<Edge, 'openDoor'>;
  /** `~/.postern/run` */
  readonly runFolder: string;
  /** Resolves when no older daemon serves visitors any more: until then nobody is told to go. */
  readonly predecessorGone: Promise<void>;
  /** Can a request of our own come through at all? */
  readonly canProbe: () => boolean;
}

/** Opens the edge's doors for ssh connections: one for each lane of each connection, on sockets of their own. */
export class DoorOpener {
  readonly #options: DoorOptions;
  #connections = 0;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** @param onPassed told when a request has come in through this connection */
  async open(slot: number, onPassed: (slot: number) => void): Promise<HomeEnd> {
    const { config, lanes, edge, canProbe, predecessorGone } = this.#options;
    const connection = ++this.#connections;
    const opened: { lane: Lane; door: Door }[] = [];
    const close = async (): Promise<void> => {
      await Promise.all(opened.map(({ door }) => door.close()));
    };
    try {
      for (const lane of lanes) {
        opened.push({ lane, door: await edge.openDoor(DOOR_OF_LANE[lane], this.#address(connection, lane)) });
      }
    } catch (error) {
      await close();
      throw error;
    }
    const carried = canProbe() ? Promise.race(opened.map(({ door }) => door.passed)) : Promise.resolve();
    void carried.then(() => onPassed(slot));
    return {
      forwards: opened.map(({ lane, door }) => ({
        remote: remoteEndOf(config, slot, lane),
        local: door.address,
      })),
      passed: Promise.all([carried, predecessorGone]).then(() => {}),
      close,
    };
  }

  /**
   * A socket in a 0700 folder, so that no other user can speak PROXY to the edge; the process number keeps two daemons
   * apart. Windows has unix sockets, but its ssh cannot forward to them: there it is a free loopback port.
   */
  #address(connection: number, lane: Lane): DoorAddress {
    if (process.platform === 'win32') return { host: '127.0.0.1', port: 0 };
    return { path: join(this.#options.runFolder, `${process.pid}-${connection}-${lane}.sock`) };
  }
}
