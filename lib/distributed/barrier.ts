import { AskTimeoutError } from "../actor/errors.ts";
import { checkValue, resolveOptions } from "../options/check_options.ts";
import { arriveTable, parties } from "../options/tables/distributed_tables.ts";
import { randomId } from "../runtime/random.ts";
import { refusedBy } from "./errors.ts";
import { Structure } from "./structure.ts";
import type { StructurePort } from "./structure_port.ts";

/** How long a party waits. */
export interface ArriveOptions {
  /** Milliseconds. Default 60 000. */
  readonly timeout?: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * A point at which parties of any nodes and clients wait for each other, round after round. A party that
 * gives up, or whose program is gone, counts no more.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const ready = system.distributed().barrier("ready");
 * await Promise.all([ready.arrive(2), ready.arrive(2)]);
 * ```
 */
export class DistributedBarrier extends Structure {
  /** @internal Made by {@linkcode Distributed}. */
  constructor(name: string, port: StructurePort) {
    super("barrier", name, "each round opens once, while it stays at one node; volatile", port);
  }

  /**
   * Waits until `expected` parties wait, then releases them all. Each call is one party.
   *
   * @param expected 1 to 10 000; the same for all parties of a round.
   * @throws {DistributedError} codes `acquireTimeout`, `expectedMismatch`, `structureFull`, `destroyed`.
   * @throws {AskError} code `askAborted`.
   */
  async arrive(expected: number, options: ArriveOptions = {}): Promise<void> {
    checkValue("expected", parties, expected);
    const { timeout, signal } = resolveOptions(arriveTable, options);
    const { session, system } = this.port;
    const request = randomId(system.runtime.random);
    const operation = { type: "arrive", request, expected } as const;
    try {
      await this.request({ operation, repeats: true, session: session.ref }, timeout, signal);
    } catch (error) {
      this.send({ type: "leave", request });
      throw error instanceof AskTimeoutError
        ? refusedBy(this.label, "acquireTimeout", `it has not opened within ${timeout} ms`)
        : error;
    }
  }
}
