/**
 * Delivers the messages in the outbox of one incarnation: sends what `Redelivery` says, takes
 * acknowledgements, and parks what nobody acknowledges.
 *
 * @module
 */
import type { ActorLog } from "../../actor/behavior/context.ts";
import type { LocalSystem } from "../../actor/behavior/local_system.ts";
import {
  Delivery,
  type DeliveryAck,
  type OutboxCommand,
  type OutboxOrder,
} from "../../actor/ref/internal_message.ts";
import type { ActorRef, Ref } from "../../actor/ref/ref.ts";
import { hashText } from "../../runtime/fnv.ts";
import { internalsOf } from "../../actor/system/system_internals.ts";
import type { MessagesParked, OutboxReport } from "./outbox_control.ts";
import {
  acknowledgedEntry,
  discardedEntry,
  type Outbox,
  parkedEntry,
  type ParkedReason,
  postponedEntry,
  retriedEntry,
  seqOf,
  wakeOf,
} from "./outbox.ts";
import type { OutboxOptions } from "./outbox_options.ts";
import { parseReceiver } from "./receiver_address.ts";
import { type DueMessage, Redelivery } from "./redelivery.ts";

/** Acknowledgements are stored with the next event, or after so many milliseconds. */
const noteDelay = 100;
/** Tries in vain after which the actor need not be started for a receiver, for so many milliseconds. */
const postponedAfter = 3;
const postponedFor = 600_000;
/** Messages of a receiver that a report lists. */
const maxListed = 100;

/** Dependencies of {@linkcode OutboxDriver}. */
export interface OutboxPort {
  /** Persistence id. */
  readonly id: string;
  readonly options: Required<OutboxOptions>;
  readonly system: LocalSystem;
  readonly log: ActorLog;
  /** Where acknowledgements go. */
  readonly self: ActorRef<never>;
  /** Address of this node. */
  readonly home: string;
  /** The number of the last event that is durable. */
  durable(): number;
  /** A message that was stored with the event of that number leaves the actor. */
  onSent(seq: number): void;
  /** Applies an entry, which is stored with the next event. */
  note(entry: unknown): void;
  /** Stores what was noted. */
  writeNoted(): void;
  /** Calls back in the actor's turn. */
  later(key: string, delay: number, run: () => void): void;
}

/** See the module's text. */
export class OutboxDriver {
  readonly #outbox: Outbox;
  readonly #port: OutboxPort;
  readonly #redelivery: Redelivery;
  /** References to entities, which stay valid. */
  readonly #refs = new Map<string, Ref<unknown>>();
  #nextAt = Infinity;
  #isNoted = false;

  constructor(outbox: Outbox, port: OutboxPort) {
    this.#outbox = outbox;
    this.#port = port;
    this.#redelivery = new Redelivery(port.options);
  }

  /** Sends what is durable, and was not sent or not acknowledged. */
  pump(): void {
    const { durable, later } = this.#port;
    const { clock, random } = this.#port.system.runtime;
    const now = clock.now();
    const last = durable();
    const { send, park, next } = this.#redelivery.step(
      this.#outbox.queues,
      ({ number }) => seqOf(number) <= last,
      now,
      () => random.next(),
    );
    for (const message of send) this.#send(message);
    for (const to of park) this.#park(to, "notAcknowledged");
    this.#postpone(clock.wallTime());
    // A timer that fires too early looks again; so acknowledgements need not move it.
    if (next >= this.#nextAt && this.#nextAt > now || next === Infinity) return;
    this.#nextAt = next;
    later("casty/outbox", Math.max(1, next - now), () => {
      this.#nextAt = Infinity;
      this.pump();
    });
  }

  /**
   * This actor runs and tries: as long as a receiver does not answer, it need not be started for that.
   * Otherwise the senders of one receiver that is down would keep all others that are due waiting.
   */
  #postpone(now: number): void {
    for (const [to, queue] of this.#outbox.queues) {
      if (this.#redelivery.triesOf(to) < postponedAfter || queue.parked !== undefined) continue;
      if (wakeOf(queue) - now < postponedFor / 2) {
        this.#note(postponedEntry(to, now + postponedFor));
      }
    }
  }

  /** A receiver has answered. */
  acknowledged({ from, to, number, outcome }: DeliveryAck): void {
    const { system: { runtime: { clock, random } } } = this.#port;
    // It answers messages of a log that was deleted since.
    if (from !== this.#streamTo(to)) return;
    const queue = this.#outbox.queues.get(to);
    const head = queue?.messages[0];
    if (head === undefined || number < head.number) return;
    if (outcome === "expired") {
      if (number === head.number && queue!.parked === undefined) this.#park(to, "expired");
      return;
    }
    this.#note(outcome === "one" ? discardedEntry(to, number) : acknowledgedEntry(to, number));
    this.#redelivery.acknowledged(to, outcome === "through", clock.now(), () => random.next());
    this.pump();
  }

  /** Somebody looks at the messages, or decides about them. */
  command({ order, replyTo }: OutboxCommand): void {
    this.#obey(order);
    (replyTo as ActorRef<OutboxReport>).tell(this.#report());
  }

  #obey(order: OutboxOrder): void {
    const { note, writeNoted, system: { runtime: { clock } } } = this.#port;
    switch (order.type) {
      case "list":
        return;
      case "retry":
        for (const [to, { parked }] of [...this.#outbox.queues]) {
          if (parked === undefined || (order.to !== undefined && order.to !== to)) continue;
          note(retriedEntry(to, clock.wallTime()));
        }
        break;
      case "discard":
        for (const [to, { messages }] of [...this.#outbox.queues]) {
          if (messages.some(({ number }) => number === order.number)) {
            note(discardedEntry(to, order.number));
          }
        }
    }
    writeNoted();
    this.pump();
  }

  #report(): OutboxReport {
    const receivers = Array.from(this.#outbox.queues, ([to, { messages, parked }]) => ({
      to,
      waiting: messages.length,
      tries: this.#redelivery.triesOf(to),
      ...(parked !== undefined && { parked }),
      messages: messages.slice(0, maxListed),
    }));
    return { id: this.#port.id, waiting: this.#outbox.size, receivers };
  }

  /**
   * What marks are kept by: the log and the receiver's address. One receiver may have several addresses,
   * and what comes by one of them says nothing of the others.
   */
  #streamTo(to: string): string {
    return `${this.#port.id}#${this.#outbox.stream}.${hashText(to).toString(36)}`;
  }

  #send({ to, number, after, at, message }: DueMessage): void {
    const ref = this.#refTo(to);
    const { self: ackTo, onSent } = this.#port;
    onSent(seqOf(number));
    ref?.tellSent(
      new Delivery({ from: this.#streamTo(to), number, after, at, to, ackTo }, message),
    );
  }

  #refTo(to: string): Ref<unknown> | undefined {
    const known = this.#refs.get(to);
    if (known !== undefined) return known;
    const { system, home, options } = this.#port;
    const ref = internalsOf(system).refTo(parseReceiver(to, home));
    if (ref === undefined || ref.isActor) return ref;
    // Bounded as the outbox is.
    if (this.#refs.size >= options.maxMessages) this.#refs.clear();
    this.#refs.set(to, ref);
    return ref;
  }

  /** An acknowledgement that gets lost is given again: it may wait for the next event. */
  #note(entry: unknown): void {
    this.#port.note(entry);
    if (this.#isNoted) return;
    this.#isNoted = true;
    this.#port.later("casty/outbox/noted", noteDelay, () => {
      this.#isNoted = false;
      this.#port.writeNoted();
    });
  }

  #park(to: string, reason: ParkedReason): void {
    const { id, log, note, writeNoted, system } = this.#port;
    note(parkedEntry(to, reason));
    writeNoted();
    const waiting = this.#outbox.queues.get(to)!.messages.length;
    log.warn("messages are parked until somebody retries", { id, to, reason, waiting });
    const event: MessagesParked = { type: "messagesParked", id, to, reason, waiting };
    system.eventStream.publish(event);
  }
}
