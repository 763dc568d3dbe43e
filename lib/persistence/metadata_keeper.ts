/**
 * Keeps the metadata of one incarnation of a durable actor: makes the entries that its commands request,
 * judges what other durable actors deliver to it, and delivers its own messages. Made when there is
 * something to keep: an actor without metadata has none.
 *
 * @module
 */
import type { ActorContext } from "../actor/behavior/context.ts";
import type { Delivery, DeliveryAck, InternalMessage } from "../actor/ref/internal_message.ts";
import { OutboxCommand } from "../actor/ref/internal_message.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { rules } from "../runtime/rules.ts";
import type { Codec } from "../wire/codec.ts";
import {
  type EntryOwner,
  type EntryRequest,
  type Metadata,
  type MetadataEntry,
  type MetadataKind,
  writeEntries,
} from "./metadata.ts";
import { type Inbox, inboxEntry, type InboxVerdict } from "./delivery/inbox.ts";
import type { Outbox } from "./delivery/outbox.ts";
import { OutboxDriver } from "./delivery/outbox_driver.ts";
import type { OutboxOptions } from "./delivery/outbox_options.ts";
import { receiverAddress } from "./delivery/receiver_address.ts";

/** The incarnation whose metadata it is. */
export interface MetadataHost {
  /** Persistence id. */
  readonly id: string;
  readonly context: ActorContext<never>;
  readonly codec: Codec;
  readonly outbox: Required<OutboxOptions>;
  /** The number of the last event that is durable. */
  readonly durable: number;
  /** A message that was stored with the event of that number leaves the actor. */
  onSent(seq: number): void;
  /** Stores what was noted, with no event. */
  writeNoted(): void;
  /** Calls back in the actor's turn, unless the incarnation has ended; replaces another of the key. */
  later(key: string, delay: number, run: () => void): void;
}

/** See the module's text. */
export class MetadataKeeper implements EntryOwner {
  readonly metadata: Metadata;
  readonly #host: MetadataHost;
  /** Entries that are applied, and go to the store with the next event. */
  #noted: MetadataEntry[] = [];
  /** Whether the store may know another wake. */
  #isChanged = false;
  #driver: OutboxDriver | undefined;
  /** What is to be acknowledged, by stream. */
  #acks: Map<string, { readonly delivery: Delivery; readonly number: number }> | undefined;

  /** `metadata`: as it was read, or empty. */
  constructor(host: MetadataHost, metadata: Metadata) {
    this.#host = host;
    this.metadata = metadata;
  }

  get id(): string {
    return this.#host.id;
  }

  get maxMessages(): number {
    return this.#host.outbox.maxMessages;
  }

  addressOf(ref: ActorRef<never>): string {
    const { id, context } = this.#host;
    return receiverAddress(ref, id, homeOf(context));
  }

  /** Whether something waits for the next event. */
  get hasNoted(): boolean {
    return this.#noted.length > 0;
  }

  /**
   * Makes the entries of a command. Changes nothing.
   *
   * @param handled the message that the command was, if another durable actor has sent it.
   * @param seq the number of the event that they will be stored with.
   */
  entriesOf<S>(
    requests: readonly EntryRequest<S>[],
    handled: Delivery | undefined,
    seq: number,
    at: number,
    state: S,
  ): MetadataEntry[] {
    const entries: MetadataEntry[] = [];
    if (handled !== undefined && rules.marksAreStoredWithEvents) {
      entries.push({ kind: "inbox", entry: inboxEntry(handled) });
    }
    const random = () => this.#host.context.system.runtime.random.next();
    const positions = new Map<MetadataKind, number>();
    for (const request of requests) {
      const { kind } = request;
      const position = positions.get(kind) ?? 0;
      positions.set(kind, position + 1);
      const place = { seq, position, at, random, owner: this };
      entries.push({ kind, entry: request.make(this.metadata.section(kind), place, state) });
    }
    return entries;
  }

  /**
   * Entries in bytes, with those that were noted. Changes nothing.
   *
   * @throws {WireError} if one is not plain data.
   */
  write(entries: readonly MetadataEntry[]): Uint8Array {
    return writeEntries([...this.#noted, ...entries], this.#host.codec);
  }

  /** The entries are on their way to the store, with all that was noted. */
  apply(entries: readonly MetadataEntry[]): void {
    for (const entry of entries) this.metadata.apply(entry);
    this.#noted = [];
    this.#isChanged = true;
  }

  /** Applies an entry that may be lost: it is stored with the next event, or after a while. */
  note(entry: MetadataEntry): void {
    this.metadata.apply(entry);
    this.#noted.push(entry);
  }

  /** When the actor has work, if that has changed: for the next append. */
  takeWake(): { readonly wake?: number | null } {
    if (!this.#isChanged) return {};
    this.#isChanged = false;
    return { wake: this.metadata.wake };
  }

  /** Events are durable; also after the recovery. */
  onDurable(): void {
    this.sendAcks();
    if (this.metadata.existing("outbox") !== undefined) this.#outboxDriver.pump();
  }

  /** Judges a message of another durable actor. */
  judge(delivery: Delivery): InboxVerdict {
    const now = this.#host.context.system.runtime.clock.wallTime();
    return (this.metadata.section("inbox") as Inbox).judge(delivery, now);
  }

  /** The mark of a message that is handled now, where it is not stored. */
  mark(delivery: Delivery): void {
    if (!rules.marksAreStoredWithEvents) {
      this.metadata.apply({ kind: "inbox", entry: inboxEntry(delivery) });
    }
  }

  /** The highest number of its stream that was handled, durable or not. */
  handledOf({ from }: Delivery): number {
    return (this.metadata.section("inbox") as Inbox).handledOf(from);
  }

  /** All messages of its stream up to a number are durable: {@linkcode sendAcks} follows. */
  acknowledge(delivery: Delivery, number: number): void {
    // Numbers grow: the last one says all.
    (this.#acks ??= new Map()).set(delivery.from, { delivery, number });
  }

  /** Tells senders, each once, what is durable. */
  sendAcks(): void {
    const acks = this.#acks;
    if (acks === undefined) return;
    this.#acks = undefined;
    for (const { delivery, number } of acks.values()) delivery.acknowledge(number, "through");
  }

  /** Takes what others say about the messages of this actor. */
  receive(message: InternalMessage): void {
    if (message instanceof OutboxCommand) this.#outboxDriver.command(message);
    else this.#outboxDriver.acknowledged(message as DeliveryAck);
  }

  get #outboxDriver(): OutboxDriver {
    const { id, context, outbox } = this.#host;
    return this.#driver ??= new OutboxDriver(this.metadata.section("outbox") as Outbox, {
      id,
      options: outbox,
      system: context.system,
      log: context.log,
      self: selfOf(context),
      home: internalsOf(context.system).nodeAddress,
      durable: () => this.#host.durable,
      onSent: (seq) => this.#host.onSent(seq),
      note: (entry) => this.note({ kind: "outbox", entry }),
      writeNoted: () => this.#host.writeNoted(),
      later: (key, delay, run) => this.#host.later(key, delay, run),
    });
  }
}

/** The reference by which a durable actor is reached after a restart, if it is an entity. */
function selfOf({ self, system }: ActorContext<never>): ActorRef<never> {
  const path = self instanceof LocalRef ? self.entityPath : undefined;
  if (path === undefined) return self;
  const { nodeAddress, refTo } = internalsOf(system);
  return refTo({ node: nodeAddress, path, uid: 0 }) ?? self;
}

/** The node of an actor that stays there. */
function homeOf({ epoch, system }: ActorContext<never>): string | undefined {
  return epoch === 0 ? internalsOf(system).nodeAddress : undefined;
}
