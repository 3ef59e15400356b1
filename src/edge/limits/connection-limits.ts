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

/** How many connections there are, in all and of each client address. */
export class ConnectionLimits {
  readonly #limits: Limits;
  readonly #buckets = new Map<string, Bucket>();
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Takes one of the places of the whole edge. @returns false when there is none */
  enter(): boolean {
    if (this.#total >= this.#limits.connections) return false;
    this.#total++;
    return true;
  }

  leave(): void {
    this.#total--;
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
