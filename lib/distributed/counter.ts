import { checkValue } from "../options/check_options.ts";
import { amount as amountOption } from "../options/tables/distributed_tables.ts";
import { type OperationOptions, Structure } from "./structure.ts";
import type { StructurePort } from "./structure_port.ts";

/**
 * A counter that all nodes and clients share. It begins at 0, and is a safe integer.
 *
 * An operation that fails with an `AskTimeoutError`, or with an `AskError` that says that its message was
 * delivered, may have been done: `increment` is never repeated by itself.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const hits = system.distributed().counter("hits");
 * await hits.increment(5);
 * console.assert(await hits.decrement(2) === 3);
 * console.assert(await hits.get() === 3);
 * ```
 */
export class DistributedCounter extends Structure {
  /** @internal Made by {@linkcode Distributed}. */
  constructor(name: string, port: StructurePort) {
    super("counter", name, `linearizable; ${port.content}`, port);
  }

  /**
   * Adds an amount, by default 1; the value after it.
   *
   * @throws {DistributedError} code `counterOverflow`.
   */
  async increment(amount = 1, options?: OperationOptions): Promise<number> {
    checkValue("amount", amountOption, amount);
    const request = { operation: { type: "add", amount }, repeats: false } as const;
    return await this.perform(request, options) as number;
  }

  /**
   * Takes an amount away, by default 1; the value after it.
   *
   * @throws {DistributedError} code `counterOverflow`.
   */
  decrement(amount = 1, options?: OperationOptions): Promise<number> {
    return this.increment(-checkValue("amount", amountOption, amount), options);
  }

  /** The value. */
  async get(options?: OperationOptions): Promise<number> {
    return await this.perform({ operation: { type: "get" }, repeats: true }, options) as number;
  }
}
