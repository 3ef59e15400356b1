import type { Clock, Timer } from '../../core/clock.ts';

/** Version of the session protocol, spoken by the relay's forced command as well. */
const PROTOCOL_VERSION = 1;
const WATCHDOG_MS = 15_000;
/** A line longer than this is none of ours; the connection is ended rather than its bytes kept. */
const MAX_LINE_BYTES = 256;
const HEARTBEAT = /^h ([0-9A-Za-z.-]{1,32})$/;

/** What a session needs of the connection that it runs on. */
export interface SessionPeer {
  write(line: string): void;
  /** Ends this ssh connection. */
  end(): void;
}

/** A session that runs, seen by the one that comes after it in the same slot. */
interface Occupant {
  readonly id: number;
  readonly peer: SessionPeer;
}

/** The sessions of all slots: who is the older one of whom. */
export class SessionTable {
  readonly #latest = new Map<number, Occupant>();
  #lastId = 0;

  enter(slot: number, peer: SessionPeer): { readonly id: number; readonly older: Occupant | undefined } {
    const older = this.#latest.get(slot);
    const occupant = { id: ++this.#lastId, peer };
    this.#latest.set(slot, occupant);
    return { id: occupant.id, older };
  }

  leave(slot: number, id: number): void {
    if (this.#latest.get(slot)?.id === id) this.#latest.delete(slot);
  }
}

export interface Session {
  /** Takes bytes that the home sent. */
  receive(bytes: Uint8Array): void;
  /** The connection is gone. */
  closed(): void;
}

/**
 * One session of the link, as the forced command of a real relay runs it (provision/render's session script):
 * greets with `postern 1 slot N older ID`, echoes `h WORD`, ends the slot's older session on `take`,
 * and ends itself after 15 s without a heartbeat.
 */
export function startSession(slot: number, peer: SessionPeer, sessions: SessionTable, clock: Clock): Session {
  const { id, older } = sessions.enter(slot, peer);
  let olderPeer = older?.peer;
  let rest = '';
  let watchdog = clock.after(WATCHDOG_MS, () => peer.end());

  const answer = (line: string): void => {
    const word = HEARTBEAT.exec(line)?.[1];
    if (word !== undefined) {
      watchdog = restart(watchdog, clock, peer);
      peer.write(`h ${word}\n`);
    } else if (line === 'take') {
      peer.write(olderPeer ? 'took\n' : 'none\n');
      olderPeer?.end();
      olderPeer = undefined;
    }
  };

  peer.write(`postern ${PROTOCOL_VERSION} slot ${slot} older ${older?.id ?? 'none'}\n`);
  return {
    receive(bytes) {
      const lines = (rest + Buffer.from(bytes).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(answer);
      if (rest.length > MAX_LINE_BYTES) peer.end();
    },
    closed() {
      watchdog.cancel();
      sessions.leave(slot, id);
    },
  };
}

function restart(watchdog: Timer, clock: Clock, peer: SessionPeer): Timer {
  watchdog.cancel();
  return clock.after(WATCHDOG_MS, () => peer.end());
}
