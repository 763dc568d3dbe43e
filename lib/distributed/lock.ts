import { Permits } from "./permits.ts";
import type { StructurePort } from "./structure_port.ts";

/**
 * A lock that all nodes and clients share. A handle is one owner and the lock is not reentrant: make a
 * handle for each task. It is held by a lease that is renewed while the program runs. When its node
 * leaves, or its client closes, the lock is free at once; when it has crashed or is cut off, at the end of
 * the lease.
 *
 * While the node that keeps the lock runs, no two programs hold it at one time. When that node is lost,
 * or the lock moves to another node, the signal `lost` of the holder is aborted, and another program may
 * hold the lock already: a resource that two programs must not write has to check the token.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const structures = system.distributed();
 * {
 *   await using held = await structures.lock("stock").acquire({ timeout: 1_000 });
 *   console.assert(held.token > 0n && !held.lost.aborted);
 *   console.assert(await structures.lock("stock").tryAcquire() === undefined);
 * }
 * console.assert(await structures.lock("stock").tryAcquire() !== undefined);
 * ```
 */
export class DistributedLock extends Permits {
  /** @internal Made by {@linkcode Distributed}. */
  constructor(name: string, port: StructurePort) {
    super("lock", name, 1, port);
  }
}
