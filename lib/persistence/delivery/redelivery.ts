/**
 * Decides which messages of an outbox are sent now, and which receivers are given up for a while. A
 * receiver gets one message at first; when it has shown that it keeps marks, so that what arrives out
 * of order does no harm, several may be under way. One that does not answer is sent its first message
 * again, after pauses that grow, and holds up nobody else. Pure.
 *
 * @module
 */
import { backoffDelay } from "../../runtime/backoff.ts";
import type { OutboxOptions } from "./outbox_options.ts";
import type { OutboxQueue, StoredMessage } from "./outbox.ts";

/** Messages that may be under way to a receiver that keeps marks. */
const window = 64;

/** How messages are sent again. */
export type RedeliveryPlan = Pick<
  Required<OutboxOptions>,
  "minBackoff" | "maxBackoff" | "maxTries"
>;

/** What is under way to a receiver. */
interface Progress {
  /** The highest number that is under way; 0: nothing is. */
  sent: number;
  /** How often the first message was sent in vain. */
  tries: number;
  /** When it is sent again. */
  due: number;
  /** Messages that may be under way. */
  window: number;
}

/** A message to be sent. */
export interface DueMessage extends StoredMessage {
  readonly to: string;
  /** The number of the one before it in the queue; 0: it is the first. */
  readonly after: number;
}

/** What is to be done now. */
export interface RedeliveryStep {
  readonly send: readonly DueMessage[];
  /** Receivers that have not answered `maxTries` times. */
  readonly park: readonly string[];
  /** When to look again, on the same clock; `Infinity`: when something happens. */
  readonly next: number;
}

/** See the module's text. */
export class Redelivery {
  readonly #plan: RedeliveryPlan;
  readonly #receivers = new Map<string, Progress>();

  constructor(plan: RedeliveryPlan) {
    this.#plan = plan;
  }

  /** How often the first message to a receiver was sent in vain. */
  triesOf(to: string): number {
    return this.#receivers.get(to)?.tries ?? 0;
  }

  /**
   * What to do now.
   *
   * @param queues messages by receiver.
   * @param isDurable whether a message may be sent: nobody hears of one that can still be lost.
   * @param now on a clock that does not jump.
   * @param random in [0, 1).
   */
  step(
    queues: ReadonlyMap<string, OutboxQueue>,
    isDurable: (message: StoredMessage) => boolean,
    now: number,
    random: () => number,
  ): RedeliveryStep {
    const send: DueMessage[] = [];
    const park: string[] = [];
    let next = Infinity;
    for (const [to, { messages, parked }] of queues) {
      if (parked !== undefined) {
        this.#receivers.delete(to);
        continue;
      }
      if (!isDurable(messages[0]!)) continue;
      const progress = this.#progressOf(to);
      const isUnderWay = progress.sent >= messages[0]!.number;
      if (isUnderWay && now >= progress.due) {
        progress.tries++;
        progress.sent = 0;
        progress.window = 1;
        if (progress.tries >= this.#plan.maxTries) {
          park.push(to);
          continue;
        }
      }
      this.#send(to, messages, progress, isDurable, now, random, send);
      next = Math.min(next, progress.due);
    }
    for (const to of this.#receivers.keys()) if (!queues.has(to)) this.#receivers.delete(to);
    return { send, park, next };
  }

  /**
   * A receiver has acknowledged something.
   *
   * @param keepsMarks whether it handles each message once, in order, whatever arrives.
   */
  acknowledged(to: string, keepsMarks: boolean, now: number, random: () => number): void {
    const progress = this.#receivers.get(to);
    if (progress === undefined) return;
    progress.tries = 0;
    progress.window = keepsMarks ? window : 1;
    progress.due = now + this.#delay(progress, random);
  }

  #send(
    to: string,
    messages: readonly StoredMessage[],
    progress: Progress,
    isDurable: (message: StoredMessage) => boolean,
    now: number,
    random: () => number,
    send: DueMessage[],
  ): void {
    const isIdle = progress.sent < messages[0]!.number;
    let after = 0;
    for (let i = 0; i < messages.length && i < progress.window; i++) {
      const message = messages[i]!;
      if (message.number > progress.sent) {
        if (!isDurable(message)) break;
        progress.sent = message.number;
        send.push({ ...message, to, after });
      }
      after = message.number;
    }
    if (isIdle) progress.due = now + this.#delay(progress, random);
  }

  #delay({ tries }: Progress, random: () => number): number {
    const { minBackoff: min, maxBackoff: max } = this.#plan;
    return backoffDelay({ min, max, jitter: [0.5, 1] }, tries, random());
  }

  #progressOf(to: string): Progress {
    let progress = this.#receivers.get(to);
    if (progress === undefined) {
      this.#receivers.set(to, progress = { sent: 0, tries: 0, due: 0, window: 1 });
    }
    return progress;
  }
}
