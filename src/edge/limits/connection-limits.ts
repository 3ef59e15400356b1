import type { Limits } from '../../config/schema.ts';

interface Bucket {
  connections: number;
  signedIn: number;
}

/** A place of one connection among those of its address; given back once. */
export interface Place {
  /** The visitor on this connection has signed in: the address may have more. */
  markSignedIn(): void;
  release(): void;
}

/** The place of one connection among all of them. */
export interface Seat {
  /** Is a request of this connection being served? It says so itself, once it knows HTTP. */
  isBusy: () => boolean;
  /** Somebody who has signed in uses it: it is no stranger's any more. */
  markSignedIn(): void;
  release(): void;
}

/** How many connections there are, in all and of each client address. */
export class ConnectionLimits {
  readonly #limits: Limits;
  readonly #buckets = new Map<string, Bucket>();
  /** Connections on which nobody has signed in, the oldest first, with the way to end each. */
  readonly #strangers = new Map<Seat, () => void>();
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /**
   * Takes one of the places of the whole edge, as a stranger.
   *
   * Strangers hold only a part of them. Where that is full, the oldest stranger without a running request gives way: who
   * a newcomer is shows only after TLS and a cookie, so if newcomers were refused instead, a crowd of silent connections
   * would keep the owner out.
   * @param end closes the connection
   * @returns `undefined` when there is none
   */
  enter(end: () => void): Seat | undefined {
    if (this.#total >= this.#limits.connections) return undefined;
    if (this.#strangers.size >= this.#limits.strangerConnections && !this.#pushOut()) return undefined;
    this.#total++;
    let isReleased = false;
    const seat: Seat = {
      isBusy: () => false,
      markSignedIn: () => void this.#strangers.delete(seat),
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#strangers.delete(seat);
        this.#total--;
      },
    };
    this.#strangers.set(seat, end);
    return seat;
  }

  /** Ends the connection of the oldest stranger without a request. @returns false when all of them have one */
  #pushOut(): boolean {
    for (const [seat, end] of this.#strangers) {
      if (seat.isBusy()) continue;
      seat.release();
      end();
      return true;
    }
    return false;
  }

  /** Takes a place of an address. @returns `undefined` when it has no more */
  takePlace(bucketName: string): Place | undefined {
    const bucket = this.#buckets.get(bucketName) ?? { connections: 0, signedIn: 0 };
    const most =
      bucket.signedIn > 0 ? this.#limits.connectionsPerAddressSignedIn : this.#limits.connectionsPerAddress;
    if (bucket.connections >= most) return undefined;
    bucket.connections++;
    this.#buckets.set(bucketName, bucket);
    return this.#placeIn(bucket, bucketName);
  }

  #placeIn(bucket: Bucket, bucketName: string): Place {
    let isSignedIn = false;
    let isReleased = false;
    return {
      markSignedIn: () => {
        if (isSignedIn || isReleased) return;
        isSignedIn = true;
        bucket.signedIn++;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        if (isSignedIn) bucket.signedIn--;
        if (--bucket.connections === 0) this.#buckets.delete(bucketName);
      },
    };
  }
}
