import { resolveOptions } from "../options/check_options.ts";
import { refusedOption } from "../options/explain.ts";
import { putTable } from "../options/tables/distributed_tables.ts";
import type { PageEntry } from "./map_machine.ts";
import { type OperationOptions, Structure } from "./structure.ts";
import { readKey, type StructureKey, writeKey } from "./structure_key.ts";
import type { StructurePort } from "./structure_port.ts";
import { maxPage } from "./structure_protocol.ts";
import { readValue, writeValue } from "./structure_value.ts";

/** How an entry is written. */
export interface PutOptions extends OperationOptions {
  /** Milliseconds after which the entry is gone. Default: never. */
  readonly ttl?: number;
}

/**
 * A map that all nodes and clients share. Keys of different types differ: `1`, `"1"`, `1n` and `true` are
 * four keys. Values are plain data, as in messages, and are copied.
 *
 * An operation that fails with an `AskTimeoutError`, or with an `AskError` that says that its message was
 * delivered, may have been done.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const prices = system.distributed().map<string, number>("prices");
 * await prices.set("tea", 3);
 * console.assert(await prices.set("tea", 4) === 3);
 * console.assert(await prices.compareAndSet("tea", 4, 5));
 * console.assert(await prices.get("tea") === 5 && await prices.get("rum") === undefined);
 * for await (const [name, price] of prices.entries()) console.assert(name === "tea" && price === 5);
 * ```
 */
export class DistributedMap<K extends StructureKey, V> extends Structure {
  /** @internal Made by {@linkcode Distributed}. */
  constructor(name: string, port: StructurePort) {
    super("map", name, `linearizable, entries() page by page; ${port.content}`, port);
  }

  /** The value of a key; undefined if there is none. */
  async get(key: K, options?: OperationOptions): Promise<V | undefined> {
    const operation = { type: "get", key: writeKey(key) } as const;
    return this.#valueOf(key, await this.perform({ operation, repeats: true }, options));
  }

  /**
   * Sets the value of a key; the value before, or undefined.
   *
   * @throws {OptionError} also for the value `undefined`.
   * @throws {DistributedError} code `structureFull`.
   * @throws {WireError} code `notSerializable`.
   */
  async set(key: K, value: V, options: PutOptions = {}): Promise<V | undefined> {
    const { ttl, ...others } = resolveOptions(putTable, options);
    // It could not be told from a key that is not there, by `get` and by `compareAndSet`.
    if (value === undefined) {
      throw refusedOption("value", value, "give a value, such as null; delete(key) removes a key");
    }
    const operation = {
      type: "set",
      key: writeKey(key),
      value: writeValue(value),
      ...(ttl !== undefined && { ttl }),
    } as const;
    return this.#valueOf(key, await this.perform({ operation, repeats: false }, others));
  }

  /** Deletes a key; whether it had a value. */
  async delete(key: K, options?: OperationOptions): Promise<boolean> {
    const operation = { type: "delete", key: writeKey(key) } as const;
    return await this.perform({ operation, repeats: false }, options) as boolean;
  }

  /** Whether a key has a value. */
  async contains(key: K, options?: OperationOptions): Promise<boolean> {
    const operation = { type: "contains", key: writeKey(key) } as const;
    return await this.perform({ operation, repeats: true }, options) as boolean;
  }

  /**
   * Sets the value of a key if it is another one now; whether it was. Objects are equal if they have equal
   * properties in the same order.
   *
   * @param expected the value now; undefined: the key has none.
   * @param value undefined: the key is deleted.
   * @throws {DistributedError} code `structureFull`.
   */
  async compareAndSet(
    key: K,
    expected: V | undefined,
    value: V | undefined,
    options: PutOptions = {},
  ): Promise<boolean> {
    const { ttl, ...others } = resolveOptions(putTable, options);
    const operation = {
      type: "compareAndSet",
      key: writeKey(key),
      expected: expected === undefined ? null : writeValue(expected),
      value: value === undefined ? null : writeValue(value),
      ...(ttl !== undefined && { ttl }),
    } as const;
    return await this.perform({ operation, repeats: false }, others) as boolean;
  }

  /** How many entries there are. */
  async size(options?: OperationOptions): Promise<number> {
    return await this.perform({ operation: { type: "size" }, repeats: true }, options) as number;
  }

  /**
   * The entries, in the order in which their keys came to the map, read as they are needed. An entry that
   * is there all the time comes once; one that comes, goes or changes meanwhile may come or not.
   *
   * @throws {DistributedError} code `badValue`: a program has written what is no value; the key is in the
   * error. It can be deleted, and `keys()` shows all keys.
   */
  async *entries(options?: OperationOptions): AsyncGenerator<[K, V], void, void> {
    for await (const [key, bytes] of this.#pages(options)) yield [key, this.#read(key, bytes)];
  }

  /** The keys, as `entries()` returns them. Values are sent, and not looked at. */
  async *keys(options?: OperationOptions): AsyncGenerator<K, void, void> {
    for await (const [key] of this.#pages(options)) yield key;
  }

  async *#pages(options?: OperationOptions): AsyncGenerator<[K, Uint8Array], void, void> {
    for (let after = 0;;) {
      const operation = { type: "page", after, limit: maxPage } as const;
      const page = await this.perform({ operation, repeats: true }, options) as PageEntry[];
      if (page.length === 0) return;
      for (const [number, key, bytes] of page) {
        after = number;
        yield [readKey(key) as K, bytes];
      }
    }
  }

  #valueOf(key: K, bytes: unknown): V | undefined {
    return bytes === undefined ? undefined : this.#read(key, bytes as Uint8Array);
  }

  #read(key: K, bytes: Uint8Array): V {
    return readValue(bytes, this.label, key) as V;
  }
}
