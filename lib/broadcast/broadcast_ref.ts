import type { AskOptions, LiteralOf } from "../actor/behavior/ask_options.ts";
import type { ReplyOf } from "../actor/behavior/reply_of.ts";
import { AskError, type AskFailureReason, AskTimeoutError } from "../actor/errors.ts";
import { tellKept } from "../actor/ref/passed_on.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import type { SentMessage } from "../actor/ref/sent_message.ts";
import { type BroadcastAddress, broadcastPath, instancePath } from "./broadcast_address.ts";

/** What the instance of one node has replied. */
export interface BroadcastReply<R> {
  /** The node, `"host:port"`. */
  readonly node: string;
  /** Its first reply. */
  readonly reply: R;
}

/** A node whose instance has not replied. */
export interface BroadcastMissing {
  /** The node, `"host:port"`. */
  readonly node: string;
  /**
   * Why: as of an ask of one actor, or `timeout`: nothing is known of the reply; `unreachable`: the same,
   * and the cluster does not reach the node. `noSuchActor`: the node has no instance.
   */
  readonly reason: AskFailureReason | "timeout" | "unreachable";
  /** The error of the ask of that node. */
  readonly error: unknown;
}

/** What has come of a broadcast ask. Every node that was asked is in one of the two lists. */
export interface BroadcastReplies<R> {
  /** In the order in which they have come. */
  readonly replies: readonly BroadcastReply<R>[];
  /** Nodes without a reply, in the order in which that was known. */
  readonly missing: readonly BroadcastMissing[];
}

/**
 * The reference to all instances of a broadcast actor, at a node or client. A message goes to the
 * members that are up when it is told, one copy each, at most once and in order for each of them. It
 * cannot be watched.
 */
export interface BroadcastRef<M> extends ActorRef<M> {
  /** The nodes that a message would go to now. */
  nodes(): readonly string[];
  /**
   * Asks the instances of all members that are up. `factory` is called once for each. Resolves when every
   * node has replied or is known not to: one that dies is missing at once. After `timeout` it resolves
   * with the replies that have come.
   *
   * @throws {OptionError}
   */
  ask<R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<BroadcastReplies<ReplyOf<M, R, Q>>>;
}

/** The node or client at which a {@linkcode BroadcastProxy} is used. */
export interface BroadcastHost {
  /** Its address. */
  readonly address: string;
  /** The members that are up and have the role. */
  members(role: string | undefined): readonly string[];
  /** Whether the cluster does not reach a member. */
  isUnreachable(node: string): boolean;
  /** The instance of this node; undefined: there is none. */
  instance(name: string): ActorRef<unknown> | undefined;
  /** Sends a message to the instance of another node; `limit`: how long its asker waits. */
  send(node: string, path: string, message: unknown, limit: SentMessage | undefined): void;
  /** There is no instance here. */
  missing(name: string, message: unknown): void;
  /** Asks one actor. */
  ask(
    ref: ActorRef<never>,
    factory: (replyTo: ActorRef<never>) => unknown,
    options: AskOptions | undefined,
  ): Promise<unknown>;
}

/** The instance at another node, or the one that this node does not have. */
class InstanceRef extends Ref<unknown> {
  readonly #host: BroadcastHost;
  readonly #name: string;
  override readonly path: string;
  override readonly node: string;

  constructor(host: BroadcastHost, name: string, node: string) {
    super();
    this.#host = host;
    this.#name = name;
    this.path = instancePath(name);
    this.node = node;
  }

  override get uid(): number {
    return 0;
  }

  override tell(message: unknown): void {
    this.#send(message, undefined);
  }

  override tellSent(sent: SentMessage): void {
    this.#send(sent.message, sent);
  }

  #send(message: unknown, sent: SentMessage | undefined): void {
    if (this.node === this.#host.address) this.#host.missing(this.#name, message);
    else this.#host.send(this.node, this.path, message, sent);
  }
}

/** See {@linkcode BroadcastRef}. Sends in the sender's call. */
export class BroadcastProxy extends Ref<unknown> implements BroadcastRef<unknown> {
  readonly #host: BroadcastHost;
  readonly #address: BroadcastAddress;
  override readonly path: string;

  constructor(host: BroadcastHost, address: BroadcastAddress) {
    super();
    this.#host = host;
    this.#address = address;
    this.path = `/${address.name}`;
  }

  override get uid(): number {
    return 0;
  }

  override get node(): string {
    return this.#host.address;
  }

  /** It leads to all nodes. */
  override get address(): string {
    return "";
  }

  override get wirePath(): string {
    return broadcastPath(this.#address);
  }

  override get isActor(): boolean {
    return false;
  }

  /** The instances answer. */
  override get forwards(): boolean {
    return true;
  }

  nodes(): readonly string[] {
    return this.#host.members(this.#address.role);
  }

  override tell(message: unknown): void {
    for (const { ref } of this.#instances()) ref.tell(message);
  }

  override tellSent(sent: SentMessage): void {
    for (const { ref } of this.#instances()) tellKept(ref, sent);
  }

  async ask<R, const Q>(
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<BroadcastReplies<ReplyOf<unknown, R, Q>>> {
    const replies: BroadcastReply<unknown>[] = [];
    const missing: BroadcastMissing[] = [];
    await Promise.all(
      this.#instances().map(async ({ node, ref }) => {
        try {
          const make = factory as (replyTo: ActorRef<never>) => unknown;
          replies.push({ node, reply: await this.#host.ask(ref, make, options) });
        } catch (error) {
          const reason = this.#reasonOf(error, node);
          // Wrong options, or a factory that has thrown.
          if (reason === undefined) throw error;
          missing.push({ node, reason, error });
        }
      }),
    );
    return { replies: replies as BroadcastReply<ReplyOf<unknown, R, Q>>[], missing };
  }

  #instances(): readonly { readonly node: string; readonly ref: ActorRef<unknown> }[] {
    const { name } = this.#address;
    return this.nodes().map((node) => {
      const local = node === this.#host.address ? this.#host.instance(name) : undefined;
      return { node, ref: local ?? new InstanceRef(this.#host, name, node) };
    });
  }

  #reasonOf(error: unknown, node: string): BroadcastMissing["reason"] | undefined {
    if (error instanceof AskError) return error.reason;
    if (!(error instanceof AskTimeoutError)) return undefined;
    return this.#host.isUnreachable(node) ? "unreachable" : "timeout";
  }
}
