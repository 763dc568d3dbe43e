import { checkValue, resolveOptions } from "../options/check_options.ts";
import { redeliveryDelay, reserveTable } from "../options/tables/distributed_tables.ts";
import { randomId } from "../runtime/random.ts";
import type { ParkedItem as ParkedEntry, QueueOperation, ReservedItem } from "./queue_machine.ts";
import { type OperationOptions, Structure } from "./structure.ts";
import type { StructurePort } from "./structure_port.ts";
import { maxPage } from "./structure_protocol.ts";
import { readValue, writeValue } from "./structure_value.ts";

/** How an item is reserved. */
export interface ReserveOptions extends OperationOptions {
  /**
   * Milliseconds after which the item is given out again unless it was acknowledged, at most a day.
   * Default 30 000.
   */
  readonly visibility?: number;
  /** Times that an item is given out; then it is parked. Default 16. */
  readonly maxTries?: number;
}

/** An item that is reserved for a consumer. */
export interface Reservation<V> {
  /** The item. */
  readonly value: V;
  /** How often it was given out, this time included. */
  readonly tries: number;
  /**
   * Removes the item: it is handled. False: the reservation has ended before, and another consumer may be
   * given the item, or was.
   *
   * @throws {AskError} when an answer was lost, and the item is not reserved any more: it was removed, or
   * the reservation has ended; nobody knows which.
   */
  acknowledge(options?: OperationOptions): Promise<boolean>;
  /** Gives the item back, to be given out again after `delay` milliseconds, default 0. */
  reject(options?: OperationOptions & { readonly delay?: number }): Promise<boolean>;
  /** Keeps the item for so many milliseconds from now; false: the reservation has ended before. */
  extend(visibility: number, options?: OperationOptions): Promise<boolean>;
}

/** An item that was given out too often. */
export interface ParkedItem<V> {
  /** The item. Throws a `DistributedError` of the code `badValue` if a program has stored no value. */
  readonly value: V;
  /** How often it was given out. */
  readonly tries: number;
  /** Puts it back at its place in the queue; its tries count from 0. */
  retry(options?: OperationOptions): Promise<boolean>;
  /** Removes it. */
  remove(options?: OperationOptions): Promise<boolean>;
}

/**
 * A first-in-first-out queue that all nodes and clients share. `dequeue` removes an item before its
 * consumer has it: if the answer is lost, so is the item. `reserve` gives it out until it is acknowledged,
 * again after its visibility has ended, so that each item is handled at least once, and parks it when it
 * was given out too often. An item that comes back takes its old place.
 *
 * An `enqueue` or `dequeue` that fails with an `AskTimeoutError`, or with an `AskError` that says that its
 * message was delivered, may have been done. `reserve` and `acknowledge` are repeated until they are.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const jobs = system.distributed().queue<{ id: number }>("jobs");
 * await jobs.enqueue({ id: 1 });
 * const job = await jobs.reserve({ visibility: 10_000 });
 * console.assert(job?.value.id === 1 && job.tries === 1);
 * console.assert(await job!.acknowledge());
 * console.assert(await jobs.reserve() === undefined);
 * ```
 */
export class DistributedQueue<V> extends Structure {
  /** @internal Made by {@linkcode Distributed}. */
  constructor(name: string, port: StructurePort) {
    super("queue", name, `linearizable, reserve() at least once; ${port.content}`, port);
  }

  /**
   * Adds an item at the end.
   *
   * @throws {DistributedError} code `structureFull`.
   * @throws {WireError} code `notSerializable`.
   */
  async enqueue(value: V, options?: OperationOptions): Promise<void> {
    const operation = { type: "enqueue", value: writeValue(value) } as const;
    await this.perform({ operation, repeats: false }, options);
  }

  /**
   * Removes the first item.
   *
   * @throws {DistributedError} code `queueEmpty`.
   */
  async dequeue(options?: OperationOptions): Promise<V> {
    const request = { operation: { type: "dequeue" }, repeats: false } as const;
    return this.#read(await this.perform(request, options) as Uint8Array);
  }

  /**
   * The first item, which stays.
   *
   * @throws {DistributedError} code `queueEmpty`.
   */
  async peek(options?: OperationOptions): Promise<V> {
    const request = { operation: { type: "peek" }, repeats: true } as const;
    return this.#read(await this.perform(request, options) as Uint8Array);
  }

  /** How many items there are, reserved ones included, and parked ones not. */
  async size(options?: OperationOptions): Promise<number> {
    return await this.perform({ operation: { type: "size" }, repeats: true }, options) as number;
  }

  /** Reserves the first item that nobody has; undefined if there is none. */
  async reserve(options: ReserveOptions = {}): Promise<Reservation<V> | undefined> {
    const { visibility, maxTries, ...others } = resolveOptions(reserveTable, options);
    const reservation = randomId(this.port.system.runtime.random);
    const operation = { type: "reserve", reservation, visibility, maxTries } as const;
    const reply = await this.perform({ operation, repeats: true }, others);
    if (reply === undefined) return undefined;
    const { value, tries } = reply as ReservedItem;
    return {
      value: this.#read(value),
      tries,
      acknowledge: (options) => this.#once({ type: "acknowledge", reservation }, options),
      reject: ({ delay = 0, ...others } = {}) => {
        checkValue("delay", redeliveryDelay, delay);
        return this.#once({ type: "reject", reservation, delay }, others);
      },
      extend: (visibility, options) => {
        checkValue("visibility", reserveTable.options.visibility.type, visibility);
        const operation = { type: "extend", reservation, visibility } as const;
        return this.perform({ operation, repeats: true }, options) as Promise<boolean>;
      },
    };
  }

  /** The parked items, read as they are needed. */
  async *parked(options?: OperationOptions): AsyncGenerator<ParkedItem<V>, void, void> {
    const read = (bytes: Uint8Array) => this.#read(bytes);
    for (let after = 0;;) {
      const operation = { type: "parked", after, limit: maxPage } as const;
      const page = await this.perform({ operation, repeats: true }, options) as ParkedEntry[];
      if (page.length === 0) return;
      for (const [number, bytes, tries] of page) {
        after = number;
        yield {
          // One that cannot be read can be removed still.
          get value() {
            return read(bytes);
          },
          tries,
          retry: (options) => this.#once({ type: "unpark", number }, options),
          remove: (options) => this.#once({ type: "removeParked", number }, options),
        };
      }
    }
  }

  #read(bytes: Uint8Array): V {
    return readValue(bytes, this.label) as V;
  }

  /** What is true for the first of its attempts only. */
  async #once(operation: QueueOperation, options: OperationOptions | undefined): Promise<boolean> {
    const request = { operation, repeats: true, falseAfterLoss: "unknown" } as const;
    return await this.perform(request, options) as boolean;
  }
}
