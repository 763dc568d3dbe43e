import { DistributedBarrier } from "./barrier.ts";
import { DistributedCounter } from "./counter.ts";
import { DistributedLock } from "./lock.ts";
import { DistributedMap } from "./map.ts";
import { DistributedQueue } from "./queue.ts";
import { DistributedSemaphore } from "./semaphore.ts";
import { DistributedSet } from "./set.ts";
import type { StructureKey } from "./structure_key.ts";
import type { StructurePort } from "./structure_port.ts";

/**
 * The structures of a group, at a node or client: see `system.distributed` and `client.distributed`. A
 * structure is known by its kind and its name, so the same name gives the same structure everywhere, and
 * a lock has nothing to do with a counter of the same name. What is made here are handles; they cost
 * nothing, and are never closed.
 */
export class Distributed {
  readonly #port: StructurePort;

  /** @internal Made by nodes and clients. */
  constructor(port: StructurePort) {
    this.#port = port;
  }

  /** The name of the group. */
  get group(): string {
    return this.#port.group;
  }

  /** What it is, and what is claimed of the content of its counters, maps, sets and queues. */
  toString(): string {
    return `structures of the group "${this.group}" (${this.#port.content})`;
  }

  /**
   * A counter.
   *
   * @param name 1 to 400 characters, as of all structures.
   * @throws {OptionError}
   */
  counter(name: string): DistributedCounter {
    return new DistributedCounter(name, this.#port);
  }

  /**
   * A map. The types of its keys and values are the callers' word: nobody checks them.
   *
   * @throws {OptionError}
   */
  map<K extends StructureKey = string, V = unknown>(name: string): DistributedMap<K, V> {
    return new DistributedMap<K, V>(name, this.#port);
  }

  /**
   * A set.
   *
   * @throws {OptionError}
   */
  set<V extends StructureKey = string>(name: string): DistributedSet<V> {
    return new DistributedSet<V>(name, this.#port);
  }

  /**
   * A queue.
   *
   * @throws {OptionError}
   */
  queue<V = unknown>(name: string): DistributedQueue<V> {
    return new DistributedQueue<V>(name, this.#port);
  }

  /**
   * A handle to a lock. Each handle is an owner of its own.
   *
   * @throws {OptionError}
   */
  lock(name: string): DistributedLock {
    return new DistributedLock(name, this.#port);
  }

  /**
   * A handle to a semaphore. Each handle is an owner of its own.
   *
   * @param permits how many there are, 1 to 100 000; the same for all that use it at a time.
   * @throws {OptionError}
   */
  semaphore(name: string, permits: number): DistributedSemaphore {
    return new DistributedSemaphore(name, permits, this.#port);
  }

  /**
   * A barrier.
   *
   * @throws {OptionError}
   */
  barrier(name: string): DistributedBarrier {
    return new DistributedBarrier(name, this.#port);
  }
}
