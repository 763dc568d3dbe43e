import type { ChildFailed } from "../behavior/signal.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { Terminated } from "../ref/terminated.ts";
import type { ReceiveTimedOut } from "./receive_timeout.ts";
import type { FiredTimer } from "./timers.ts";

/** A child has failed, stopped, and escalated its failure. */
export interface Escalated {
  readonly type: "escalated";
  readonly ref: ActorRef<never>;
  readonly cause: unknown;
}

/** Something that the behaviour has to do in its turn. */
export interface SettledWork {
  readonly type: "own";
  /** Returns the next behaviour. */
  readonly run: () => unknown;
  /** The context of its incarnation. */
  readonly context: unknown;
}

/** The actor must stop after the messages that precede this one. */
export interface StopInTurn {
  readonly type: "stopInTurn";
  /** Whether it waits for what the actor owes. */
  readonly waits: boolean;
}

/** Comes in order with messages, but has no place in the mailbox and is never dropped. */
export type SystemMessage =
  | Terminated
  | ChildFailed
  | Escalated
  | SettledWork
  | StopInTurn
  | FiredTimer
  | ReceiveTimedOut;

interface Waiting {
  /** Its turn is when all messages before this position have left the mailbox. */
  readonly position: number;
  readonly message: SystemMessage;
}

/** System messages that wait, in order. */
export class SystemMessageQueue {
  #waiting: Waiting[] = [];
  #first = 0;

  /** Whether the queue is empty. */
  get empty(): boolean {
    return this.#first === this.#waiting.length;
  }

  /** The position of the oldest. Only when not empty. */
  get position(): number {
    return this.#waiting[this.#first]!.position;
  }

  /** The oldest. Only when not empty. */
  get next(): SystemMessage {
    return this.#waiting[this.#first]!.message;
  }

  /** Whether what follows a settled promise waits. */
  get hasSettledWork(): boolean {
    return this.#waiting.some(({ message }, index) =>
      index >= this.#first && message.type === "own"
    );
  }

  /** Adds one whose turn is at `position`. */
  add(position: number, message: SystemMessage): void {
    this.#waiting.push({ position, message });
  }

  /** Takes the oldest. Only when not empty. */
  take(): SystemMessage {
    const { message } = this.#waiting[this.#first++]!;
    if (this.empty) {
      this.#waiting = [];
      this.#first = 0;
    } else if (this.#first >= 64 && this.#first * 2 >= this.#waiting.length) {
      // A queue that is never empty must not keep handled entries.
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    return message;
  }

  /** Forgets all but that the actor is to stop. */
  clear(): void {
    this.#waiting = this.#waiting.slice(this.#first).filter(isStop);
    this.#first = 0;
  }
}

function isStop({ message }: Waiting): boolean {
  return message.type === "stopInTurn";
}
