import type { AskedActor, HeldAsk } from "./held_ask.ts";
import type { SentMessage } from "./sent_message.ts";

/**
 * A handle to an actor of any node: to send to, to compare, and to send in messages.
 *
 * `M` is contravariant: a reference that accepts more messages may stand where one that accepts
 * fewer is wanted, never the other way round.
 *
 * @example
 * ```ts
 * import { ActorSystem, Behaviors } from "@casty/casty";
 *
 * await using system = new ActorSystem();
 * const quiet = system.spawn(Behaviors.receive<string>(() => Behaviors.same()), "quiet");
 * quiet.tell("hello");
 *
 * const open = new Map([[quiet.key, 1]]);
 * const same = system.lookup("/quiet")!;
 * console.assert(same.equals(quiet) && open.has(same.key));
 * ```
 */
export interface ActorRef<in M> {
  /** `"/parent/child"`, unique within the actor's node. */
  readonly path: string;
  /**
   * Address of the node of the actor, `"host:port"`; of a client, `"client:<id>"`. Empty in a system
   * without network, and for sharded entities, which are on any node.
   */
  readonly address: string;
  /**
   * A text that is the same for references that are equal, and for no others of the cluster:
   * `"host:port/parent/child#123"`. For keys of a map, in any process.
   */
  readonly key: string;
  /** Sends a message. Never blocks, never throws: an undeliverable message is a dead letter. */
  readonly tell: (message: M) => void;
  /**
   * Whether both lead to the same incarnation of an actor, or to the same entity. A reference that
   * was made from a path alone leads to the current incarnation, and equals only others like it.
   */
  equals(other: unknown): boolean;
}

/** Where a reference points, in a form that can cross the wire. */
export interface RefAddress {
  /** The node: `"host:port"`; for a client, `"client:<id>"`. Empty in a system without network. */
  readonly node: string;
  /** `"/parent/child"`. */
  readonly path: string;
  /** Distinguishes incarnations at one path; 0 is the current one. */
  readonly uid: number;
}

/**
 * Base class of all references, so that the codec can distinguish references from data. Not public:
 * users see `ActorRef`.
 *
 * Base classes of what is made for each message or ask define no fields: they `declare` them, and
 * assign them in the constructor. V8 does not inline `super()` of a class that defines fields, and
 * such a call costs as much as a message.
 */
export abstract class Ref<in M> implements ActorRef<M> {
  abstract readonly path: string;
  /** 0 for references that are bound to a path only. */
  abstract readonly uid: number;
  /** Node part of the address on the wire; empty in a system without network. */
  abstract readonly node: string;
  abstract tell(message: M): void;

  get address(): string {
    return this.node;
  }

  get key(): string {
    return `${this}#${this.uid}`;
  }

  /** The path on the wire. */
  get wirePath(): string {
    return this.path;
  }

  /** Whether it leads to one actor, which may stop; and not to entities, which start again. */
  get isActor(): boolean {
    return true;
  }

  /** Whether it takes the reply to an ask. */
  get isReply(): boolean {
    return false;
  }

  /** The ask that it takes the reply of, as long as that is pending. */
  get heldAsk(): HeldAsk | undefined {
    return undefined;
  }

  /** The actor of this process that has to answer asks of this reference, if there is one. */
  get asked(): AskedActor | undefined {
    return undefined;
  }

  /** Why nobody can answer now, as far as is known here, and what helps; undefined: that is not known. */
  get obstacle(): string | undefined {
    return undefined;
  }

  /** Whether it only passes messages on: then their receivers answer asks. */
  get forwards(): boolean {
    return false;
  }

  /**
   * Sends a message with what is known of its way here. A reference that has no use for that sends
   * the message.
   */
  tellSent(sent: SentMessage): void {
    this.tell(sent.message as M);
  }

  /** Of a reply reference of another system: whether a reply was sent from here. */
  get replied(): boolean {
    return false;
  }

  equals(other: unknown): boolean {
    return other === this || other instanceof Ref && other.path === this.path &&
        other.uid === this.uid && other.address === this.address;
  }

  /** `"host:port/parent/child"`. */
  toString(): string {
    return this.address + this.path;
  }

  /** `console.log` shows only the address. */
  [Symbol.for("Deno.customInspect")](): string {
    return `ActorRef(${this})`;
  }

  /** The same on Node and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `ActorRef(${this})`;
  }
}
