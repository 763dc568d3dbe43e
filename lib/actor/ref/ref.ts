import type { AskedActor, HeldAsk } from "./held_ask.ts";
import type { SentMessage } from "./sent_message.ts";

/**
 * A handle to an actor of any node. The only thing to do with it is to send.
 *
 * `M` is contravariant: a reference that accepts more messages may stand where one that accepts
 * fewer is wanted, never the other way round.
 */
export interface ActorRef<in M> {
  /** `"/parent/child"`, unique within the actor's node. */
  readonly path: string;
  /** Sends a message. Never blocks, never throws: an undeliverable message is a dead letter. */
  readonly tell: (message: M) => void;
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
 */
export abstract class Ref<in M> implements ActorRef<M> {
  abstract readonly path: string;
  /** 0 for references that are bound to a path only. */
  abstract readonly uid: number;
  /** Node part of the address; empty in a system without network. */
  abstract readonly node: string;
  abstract tell(message: M): void;

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

  /** Whether both point to the same actor. */
  equals(other: unknown): boolean {
    return other instanceof Ref && other.path === this.path && other.uid === this.uid &&
      other.node === this.node;
  }

  /** `"host:port/parent/child"`. */
  toString(): string {
    return this.node + this.path;
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
