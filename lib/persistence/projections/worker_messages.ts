/**
 * What workers of a projection are told, by this node or another one.
 *
 * @module
 */
import type { ActorRef } from "../../actor/ref/ref.ts";
import type { WorkerStatus } from "./worker_status.ts";

/** A message to a worker. Plain data: it may run on another node. */
export type WorkerMessage =
  /** The projection was paused, resumed or set back: answers once it has seen that. */
  | { readonly type: "changed"; readonly replyTo: ActorRef<"seen"> }
  | { readonly type: "status"; readonly replyTo: ActorRef<WorkerStatus> };
