import { type ActorRef, entityType } from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";

/** The messages of the entities of the benchmarks. */
export type BenchMessage =
  | { type: "count" }
  | { type: "get"; replyTo: ActorRef<number> }
  /** Replies with the instance of the entity: another one after it has moved or restarted. */
  | { type: "instance"; replyTo: ActorRef<string> };

/** The entities of the benchmarks. */
export const Counters = entityType<BenchMessage>("counters", { numShards: 64 });

/** The options of a node of the benchmarks. */
export interface NodeOptions {
  readonly port: number;
  readonly seedNodes: readonly string[];
  readonly quorum: number;
  readonly tls: TlsMaterial;
}
