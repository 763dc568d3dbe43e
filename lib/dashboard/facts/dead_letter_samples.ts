import type { ActorSystem } from "../../actor/system/actor_system.ts";
import { messageTypeOf } from "../../actor/ref/message_type.ts";
import { printed } from "../printed.ts";
import { Ring } from "../ring.ts";

/** A message that was lost. */
export interface DeadLetterSample {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly reason: string;
  readonly target: string;
  readonly messageType: string;
  /** The message; absent: contents are not shown. */
  readonly message?: string;
}

/** The lost messages of a node. */
export interface DeadLetterFacts {
  /** Since the node has started, by reason. */
  readonly counts: Readonly<Record<string, number>>;
  /** The last ones, the newest first. */
  readonly samples: readonly DeadLetterSample[];
}

const kept = 100;
/** Samples that are taken in a turn of the clock's second: to print a message costs time. */
const perSecond = 20;

/** Keeps the last lost messages of a node. */
export class DeadLetterSamples {
  readonly #system: ActorSystem;
  readonly #samples = new Ring<DeadLetterSample>(kept);
  readonly #end: () => void;
  #second = 0;
  #taken = 0;

  /** Begins with the next one. `peek`: whether contents are kept. */
  constructor(system: ActorSystem, peek: boolean) {
    this.#system = system;
    const { clock } = system.runtime;
    this.#end = system.eventStream.subscribe("deadLetter", ({ reason, target, message }) => {
      const at = clock.wallTime();
      const second = Math.floor(at / 1_000);
      if (second !== this.#second) this.#taken = 0;
      this.#second = second;
      if (++this.#taken > perSecond) return;
      this.#samples.push({
        at,
        reason,
        target: target.slice(0, 300),
        messageType: messageTypeOf(message),
        ...(peek && { message: printed(message, 300) }),
      });
    });
  }

  /** See {@linkcode DeadLetterFacts}. */
  facts(): DeadLetterFacts {
    const counts = Object.fromEntries(this.#system.ledger.deadLetters);
    return { counts, samples: this.#samples.last().toReversed() };
  }

  /** Keeps no more. */
  close(): void {
    this.#end();
  }
}
