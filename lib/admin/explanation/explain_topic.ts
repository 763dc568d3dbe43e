import { explainCluster, explainExtension } from "./explain_cluster.ts";
import { explainMember } from "./explain_member.ts";
import { explainAsk, explainEntity, explainShard } from "./explain_place.ts";
import type { ExplainPort } from "./explain_port.ts";
import type { Explanation } from "./explanation.ts";
import { parseTopic } from "./topic.ts";

/**
 * Explains what a text names, such as `"joining"` or `"shard counters/17"`.
 *
 * @throws {AdminError} code `unknownTopic`.
 */
export function explainTopic(port: ExplainPort, text: string): Explanation {
  const topic = parseTopic(text, port.topics());
  switch (topic.kind) {
    case "cluster":
      return explainCluster(port, topic.name);
    case "extension":
      return explainExtension(port, topic.name);
    case "shard":
      return explainShard(port, topic.shardType, topic.shard);
    case "entity":
      return explainEntity(port, topic.shardType, topic.entityId);
    case "ask":
      return explainAsk(port, topic.shardType, topic.entityId);
    case "member":
      return explainMember(port, topic.member);
  }
}
