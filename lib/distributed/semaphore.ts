import { checkValue } from "../options/check_options.ts";
import { permits as permitsOption } from "../options/tables/distributed_tables.ts";
import { Permits } from "./permits.ts";
import type { StructurePort } from "./structure_port.ts";

/**
 * A number of permits that all nodes and clients share; otherwise as a {@linkcode DistributedLock}. One
 * handle may hold several. While any is held or waited for, the number of permits is fixed.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const printers = system.distributed().semaphore("printers", 2);
 * const first = await printers.acquire();
 * const second = await printers.acquire();
 * console.assert(await printers.tryAcquire() === undefined);
 * await first.release();
 * console.assert((await printers.status()).held === 1 && second.token > first.token);
 * ```
 */
export class DistributedSemaphore extends Permits {
  /** How many permits there are. */
  readonly permits: number;

  /** @internal Made by {@linkcode Distributed}. */
  constructor(name: string, permits: number, port: StructurePort) {
    super("semaphore", name, checkValue("permits", permitsOption, permits), port);
    this.permits = permits;
  }
}
