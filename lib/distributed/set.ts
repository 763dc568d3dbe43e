import { type OperationOptions, Structure } from "./structure.ts";
import type { PageValue } from "./set_machine.ts";
import { readKey, type StructureKey, writeKey } from "./structure_key.ts";
import type { StructurePort } from "./structure_port.ts";
import { maxPage } from "./structure_protocol.ts";

/**
 * A set that all nodes and clients share. Values of different types differ, as the keys of a
 * {@linkcode DistributedMap}.
 *
 * An operation that fails with an `AskTimeoutError`, or with an `AskError` that says that its message was
 * delivered, may have been done.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const seen = system.distributed().set<string>("seen");
 * console.assert(await seen.add("alice") && !await seen.add("alice"));
 * console.assert(await seen.contains("alice") && await seen.size() === 1);
 * ```
 */
export class DistributedSet<V extends StructureKey> extends Structure {
  /** @internal Made by {@linkcode Distributed}. */
  constructor(name: string, port: StructurePort) {
    super("set", name, `linearizable, values() page by page; ${port.content}`, port);
  }

  /**
   * Adds a value; whether it is new.
   *
   * @throws {DistributedError} code `structureFull`.
   */
  add(value: V, options?: OperationOptions): Promise<boolean> {
    return this.#on("add", value, false, options);
  }

  /** Removes a value; whether it was there. */
  remove(value: V, options?: OperationOptions): Promise<boolean> {
    return this.#on("remove", value, false, options);
  }

  /** Whether a value is there. */
  contains(value: V, options?: OperationOptions): Promise<boolean> {
    return this.#on("contains", value, true, options);
  }

  /** How many values there are. */
  async size(options?: OperationOptions): Promise<number> {
    return await this.perform({ operation: { type: "size" }, repeats: true }, options) as number;
  }

  /**
   * The values, in the order in which they came to the set, read as they are needed. A value that is there
   * all the time comes once; one that comes or goes meanwhile may come or not.
   */
  async *values(options?: OperationOptions): AsyncGenerator<V, void, void> {
    for (let after = 0;;) {
      const operation = { type: "page", after, limit: maxPage } as const;
      const page = await this.perform({ operation, repeats: true }, options) as PageValue[];
      if (page.length === 0) return;
      for (const [number, key] of page) {
        after = number;
        yield readKey(key) as V;
      }
    }
  }

  async #on(
    type: "add" | "remove" | "contains",
    value: V,
    repeats: boolean,
    options: OperationOptions | undefined,
  ): Promise<boolean> {
    const operation = { type, key: writeKey(value) } as const;
    return await this.perform({ operation, repeats }, options) as boolean;
  }
}
