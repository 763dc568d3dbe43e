import { type ActorRef, entityType } from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";

/** What the entities of the benchmarks take. */
export type BenchMessage =
  | { type: "count" }
  | { type: "get"; replyTo: ActorRef<number> };

/** The entities of the benchmarks. */
export const Counters = entityType<BenchMessage>("counters", { numShards: 64 });

/** How a node of the benchmarks starts. */
export interface NodeOptions {
  readonly port: number;
  readonly seedNodes: readonly string[];
  readonly quorum: number;
  readonly tls: TlsMaterial;
}
