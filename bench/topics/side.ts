import type { BenchEvent } from "./message.ts";

/** One publisher and its subscribers in other processes. */
export interface Side {
  readonly name: string;
  /** Sends a message to all subscribers. */
  publish(message: BenchEvent): void;
  /** Resolves when so many more messages have arrived at all subscribers of all processes. */
  arrived(messages: number): Promise<void>;
  /** How many messages each subscriber has got, by process. */
  counts(): Promise<readonly (readonly number[])[]>;
  /** Ends all processes. */
  stop(): Promise<void>;
}

/** Counts reports of processes that a message has arrived at all their subscribers. */
export class Arrivals {
  readonly #processes: number;
  #reports = 0;
  #expected = 0;
  #resolve: (() => void) | undefined;

  constructor(processes: number) {
    this.#processes = processes;
  }

  /** A process has delivered so many messages to all its subscribers. */
  report(messages: number): void {
    this.#reports += messages;
    if (this.#reports < this.#expected) return;
    this.#resolve?.();
    this.#resolve = undefined;
  }

  /** See {@linkcode Side.arrived}. */
  wait(messages: number): Promise<void> {
    this.#expected += messages * this.#processes;
    if (this.#reports >= this.#expected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const missing = () => new Error(`${this.#reports} of ${this.#expected} reports within 30 s`);
      const timer = setTimeout(() => reject(missing()), 30_000);
      this.#resolve = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
