import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Shell } from './remote/shell.ts';

/**
 * The contract between the engine (plan, apply, undo, destroy) and the things it changes.
 *
 * A resource is one thing of the world with a state that can be written down as JSON. It can *observe* its state and
 * *put* a state. Everything else follows from these two: the plan compares what is observed with what is desired;
 * `apply` puts what is desired; `undo` puts what was observed before; `destroy` puts what was found before Postern.
 */

/** Values that the journal writes down and the plan compares. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** `sshd`, or `dns-a:chat.example.com` where there are several of a kind. Never changes its meaning: journals hold it. */
export type ResourceId = string;

export type Place = 'relay' | 'dns' | 'home';

/**
 * Whose it is:
 * `absent`   nothing of it is there
 * `ours`     it carries our mark (whatever its content is now)
 * `foreign`  it is there without our mark
 */
export type Ownership = 'absent' | 'ours' | 'foreign';

/** Why a resource cannot be put, as the plan shows it. */
export interface Obstacle {
  /** One sentence: what stands in the way, with file and line or number. */
  readonly sentence: string;
  /** What the operator has to do, or the lines to add to a file of theirs; as they are, one each. */
  readonly lines: readonly string[];
  /** `--adopt RESOURCE` takes over what is there, after a copy was kept. */
  readonly canAdopt: boolean;
}

/** What a look at the world has found. */
export interface Observed {
  /** Everything that `put` may change, complete: putting it back later restores it byte for byte. */
  readonly state: Json;
  readonly ownership: Ownership;
  /** Obstacles besides foreign ownership, which the engine finds by itself. They count only when a change is wanted. */
  readonly obstacles?: readonly Obstacle[];
  /** What the operator should know and need not do: ceilings, global settings that limit. */
  readonly notes?: readonly string[];
}

/** What a resource may use while it looks or changes. DNS resources bring their own provider along. */
export interface World {
  readonly relay: RelayAccess;
  readonly clock: Clock;
  readonly log: Log;
}

/** The operator's way to the relay, as root. One login for all; made when first needed. */
export interface RelayAccess {
  shell(): Promise<Shell>;
  /**
   * A new login, independent of every other: the proof that the way in still works. Closed by the caller.
   * @throws the error of the link's catalogue that ssh's words stand for
   */
  connectAnew(): Promise<Shell>;
  /** A new login with the link's own key, which has to end with the session script's refusal. @throws when it does not */
  proveLink(): Promise<void>;
}

/** A state that is wanted, and how much of the change could go wrong. */
export interface Target {
  readonly state: Json;
  /** What was observed just before. */
  readonly from: Json;
}

export interface Resource {
  readonly id: ResourceId;
  readonly place: Place;
  /** What it is: `the account postern-mac`. */
  readonly what: string;
  /** What it is for, one line. */
  readonly why: string;
  /** These are put before it, and taken away after it. Names that are not part of the plan are ignored. */
  readonly dependsOn: readonly ResourceId[];
  /** The wanted state; equal to an observed one means nothing is to be done. */
  readonly desired: Json;
  /** The state in which nothing of it is there. */
  readonly absent: Json;
  /** A mistake here could lock the operator out; `put` works under a dead man's switch. */
  readonly isRisky?: boolean;
  /** `destroy` and `undo` leave it unless told otherwise (packages). */
  readonly staysBehind?: boolean;
  /** Reads, changes nothing. What comes back from a relay is hostile: bounded and checked. */
  observe(world: World): Promise<Observed>;
  /**
   * Makes the world be `target.state`: checked before it counts, proven afterwards, never half written.
   * From any state that a crash may have left, any number of times. A failure leaves what was there before.
   */
  put(world: World, target: Target): Promise<void>;
  /**
   * What `destroy` puts, out of the first look that the journal remembers. Default: the state that was seen when it was
   * foreign, `absent` when it was ours already (another home's journal, or a lost one). Pure.
   */
  original?(firstSeen: Observed): Json;
  /** The difference for a person: at most a dozen lines, no secret. Pure. */
  describe(from: Json, to: Json): readonly string[];
}

/** Where the engine finds resources: those that the configuration wants, and those that only the journal remembers. */
export interface Catalogue {
  readonly resources: readonly Resource[];
  /** A resource that the configuration does not want any more; its `desired` is not used. */
  revive(id: ResourceId): Resource | undefined;
}

export type Action = 'create' | 'update' | 'adopt' | 'remove';

/** One change of a plan. States themselves stay out of it; fingerprints tell whether they are the same. */
export interface Change {
  readonly resource: ResourceId;
  readonly place: Place;
  readonly action: Action;
  readonly what: string;
  readonly why: string;
  readonly lines: readonly string[];
  readonly isRisky: boolean;
  /** SHA-256 of the state before and after. */
  readonly before: string;
  readonly after: string;
}

export interface Blocked {
  readonly resource: ResourceId;
  readonly what: string;
  readonly obstacles: readonly Obstacle[];
}

/** There already, equal to what is wanted, and not ours: never changed and never destroyed. */
export interface UsedNotOwned {
  readonly resource: ResourceId;
  readonly what: string;
}

/** What `postern plan` prints and saves, and `postern apply` does. In the order in which it is done. */
export interface Plan {
  readonly version: 1;
  readonly home: string;
  readonly relay: string;
  readonly changes: readonly Change[];
  readonly blocked: readonly Blocked[];
  readonly used: readonly UsedNotOwned[];
  /** As wanted already. */
  readonly unchanged: readonly ResourceId[];
  readonly notes: readonly string[];
}
