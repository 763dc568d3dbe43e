import type { ActorRef, EntityType } from "@casty/casty";
import { type LedgerMessage, Ledgers } from "./entities.ts";

/** What asks ledgers: a client, or a node. */
export interface LedgerAsker {
  entity(type: EntityType<LedgerMessage>, id: string): {
    ask<R>(
      factory: (replyTo: ActorRef<R>) => LedgerMessage,
      options: { readonly timeout: number },
    ): Promise<R>;
  };
}

/** Values that one ledger gets; then its writer goes on with another one. */
const perLedger = 200;
/** Milliseconds until an ask is repeated, and until one of the check is. */
const writeTimeout = 5_000;
const readTimeout = 10_000;
const repeatPause = 50;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Writer {
  readonly name: string;
  /** Values 0 to here, this one excluded, were acknowledged. */
  acknowledged: number;
}

/**
 * Writers that store the values 0, 1, 2 and so on, each until it is acknowledged, and the check that ledgers
 * have exactly these: each once, in order, and none is missing. The last one of each writer may be there
 * without an acknowledgement.
 */
export class AcknowledgedWrites {
  readonly #asker: LedgerAsker;
  readonly #writers: readonly Writer[];
  /** Pause of a writer after an acknowledgement, milliseconds. */
  readonly #interval: number;
  /** Of a write, milliseconds. */
  readonly #timeout: number;
  #isRunning = false;
  #isAborted = false;
  #running: Promise<void>[] = [];
  /** Asks that failed, and were repeated. */
  repeated = 0;
  /** Why asks failed, and how often. */
  readonly failures = new Map<string, number>();
  /** The first answer to each writer that contradicts what was acknowledged before. */
  readonly #faults = new Map<string, string>();

  constructor(
    asker: LedgerAsker,
    writers: number,
    interval: number,
    { timeout = writeTimeout }: { readonly timeout?: number } = {},
  ) {
    this.#asker = asker;
    this.#interval = interval;
    this.#timeout = timeout;
    this.#writers = Array.from({ length: writers }, (_, n) => ({ name: `w${n}`, acknowledged: 0 }));
  }

  /** Writes that were acknowledged so far. */
  get acknowledged(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
  }

  /** Begins to write. */
  start(): void {
    this.#isRunning = true;
    this.#running = this.#writers.map((writer) => this.#write(writer));
  }

  /** Writes no more; resolves when the last write of each writer is acknowledged. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#running);
  }

  /** Gives up: no write is repeated any more, and nothing can be checked. */
  abort(): void {
    this.#isRunning = false;
    this.#isAborted = true;
  }

  /** Like {@linkcode allWriteWithin}, but rejects. */
  async untilAllWrite(limit: number): Promise<number> {
    const took = await this.allWriteWithin(limit);
    if (took !== undefined) return took;
    throw new Error(`writers have no answer after ${limit} ms:\n${this.failureLines()}`);
  }

  /**
   * Resolves when each writer has had an acknowledgement since now, with the milliseconds that it took;
   * `undefined`: the limit was reached.
   */
  async allWriteWithin(limit: number): Promise<number | undefined> {
    const begun = performance.now();
    // The first one may have been on its way.
    const wanted = this.#writers.map(({ acknowledged }) => acknowledged + 2);
    while (this.#writers.some(({ acknowledged }, at) => acknowledged < wanted[at]!)) {
      if (performance.now() - begun > limit) return undefined;
      await pause(10);
    }
    return performance.now() - begun;
  }

  /** Why asks failed, as lines. */
  failureLines(): string {
    return [...this.failures].sort(([, a], [, b]) => b - a).slice(0, 6)
      .map(([cause, count]) => `  ${count} x ${cause}`).join("\n");
  }

  /** Reads all ledgers; returns how many values were read, and what is not as it was acknowledged. */
  async check(): Promise<{ readonly read: number; readonly faults: readonly string[] }> {
    const faults = [...this.#faults.values()];
    let read = 0;
    for (const writer of this.#writers) {
      const { name, acknowledged } = writer;
      for (let first = 0; first < acknowledged; first += perLedger) {
        const wanted = Math.min(perLedger, acknowledged - first);
        const values = await this.#read(`${name}/${first / perLedger}`);
        const isSound = values.length >= wanted && values.length <= wanted + 1 &&
          values.every((value, at) => value === first + at);
        read += Math.min(wanted, values.length);
        if (!isSound) {
          const found = `${values.length}, the last ${values.at(-1)}`;
          faults.push(`${name}: ${wanted} values from ${first} were acknowledged, found ${found}`);
        }
      }
    }
    return { read, faults };
  }

  async #read(id: string): Promise<readonly number[]> {
    const ref = this.#asker.entity(Ledgers, id);
    for (let tries = 1;; tries++) {
      try {
        return await ref.ask(
          (replyTo: ActorRef<readonly number[]>) => ({ type: "list", replyTo }),
          {
            timeout: readTimeout,
          },
        );
      } catch (error) {
        if (tries === 10) throw error;
        await pause(repeatPause);
      }
    }
  }

  async #write(writer: Writer): Promise<void> {
    while (this.#isRunning) {
      const value = writer.acknowledged;
      const ref = this.#asker.entity(Ledgers, `${writer.name}/${Math.floor(value / perLedger)}`);
      for (;;) {
        try {
          const count = await ref.ask(
            (replyTo: ActorRef<number>) => ({ type: "add", value, replyTo }),
            { timeout: this.#timeout },
          );
          if (count !== value % perLedger + 1) {
            this.#fault(writer, `value ${value} was answered with ${count} values`);
          }
          break;
        } catch (error) {
          if (this.#isAborted) return;
          this.repeated++;
          this.#note(error);
          await pause(repeatPause);
        }
      }
      writer.acknowledged++;
      if (this.#interval > 0) await pause(this.#interval);
    }
  }

  #fault({ name }: Writer, text: string): void {
    if (!this.#faults.has(name)) this.#faults.set(name, `${name}: ${text}`);
  }

  #note(error: unknown): void {
    const text = String(error).replace(/[\d.]+:\d+|w\d+\/\d+|ledgers\/\d+|client:[0-9a-f-]+/g, "…")
      .slice(0, 160);
    this.failures.set(text, (this.failures.get(text) ?? 0) + 1);
  }
}
