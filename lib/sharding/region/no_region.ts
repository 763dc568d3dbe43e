import {
  clientShardsPath,
  parseEntityDelivery,
  parseFlushMarker,
  type ShardingMessage,
  shardingPath,
} from "../routing/protocol.ts";
import type { ShardingPort } from "../routing/sharding_port.ts";

/**
 * Answers what is sent to entities of a type that this node does not run, or not yet: a node that has
 * just started again is a member before it has spawned its types. The sender keeps the message and
 * locates the shard anew, instead of losing it.
 */
export function answerWithoutRegion(
  send: ShardingPort["send"],
  from: string,
  shardType: string,
  value: unknown,
  deadline?: number,
): void {
  const answer = (to: string, message: ShardingMessage) => {
    send(to, to.startsWith("client:") ? clientShardsPath : shardingPath, message, deadline);
  };
  const delivery = parseEntityDelivery(value);
  if (delivery !== undefined) {
    const [entityId, message, epoch] = delivery;
    return answer(from, { type: "noRegion", shardType, epoch, entityId, message });
  }
  const marker = parseFlushMarker(value);
  if (marker === undefined) return;
  // What was sent before the marker has been sent back: nothing is on its way any more.
  const [shard, epoch, , origin] = marker;
  const isClient = from.startsWith("client:");
  answer(origin === "" || isClient ? from : origin, { type: "drained", shardType, shard, epoch });
}
