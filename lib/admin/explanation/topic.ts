import { AdminError } from "../errors.ts";

/** Topics about a whole cluster, besides those of a node's extensions. */
export const clusterTopics = [
  "joining",
  "convergence",
  "reachability",
  "downing",
  "sharding",
  "replication",
  "store",
  "certificates",
] as const;

/** See {@linkcode clusterTopics}. */
export type ClusterTopic = typeof clusterTopics[number];

/** What can be asked about. */
export type Topic =
  | { readonly kind: "cluster"; readonly name: ClusterTopic }
  /** Of an extension. */
  | { readonly kind: "extension"; readonly name: string }
  | { readonly kind: "shard"; readonly shardType: string; readonly shard: number }
  | { readonly kind: "entity"; readonly shardType: string; readonly entityId: string }
  | { readonly kind: "ask"; readonly shardType: string; readonly entityId: string }
  /** By address or label. */
  | { readonly kind: "member"; readonly member: string };

/** How topics are written, for help and errors. */
export const topicForms = "shard TYPE/NUMBER, entity TYPE/ID, ask TYPE/ID, member ADDRESS, " +
  clusterTopics.join(", ");

/**
 * The topic that a text names.
 *
 * @throws {AdminError} code `unknownTopic`.
 */
export function parseTopic(text: string, ofExtensions: readonly string[] = []): Topic {
  const [, kind = "", rest = ""] = /^\s*(\S+)\s*([^]*?)\s*$/.exec(text) ?? [];
  if (rest === "") {
    const name = clusterTopics.find((one) => one === kind);
    if (name !== undefined) return { kind: "cluster", name };
    if (ofExtensions.includes(kind)) return { kind: "extension", name: kind };
    throw unknown(text, ofExtensions);
  }
  // The name of a type has no slash; an entity id may have some.
  const at = rest.indexOf("/");
  const [shardType, key] = [rest.slice(0, at), rest.slice(at + 1)];
  switch (kind) {
    case "member":
      return { kind, member: rest };
    case "shard": {
      if (at < 1 || !/^\d{1,9}$/.test(key)) break;
      return { kind, shardType, shard: Number(key) };
    }
    case "entity":
    case "ask":
      if (at >= 1 && key !== "") return { kind, shardType, entityId: key };
  }
  throw unknown(text, ofExtensions);
}

function unknown(text: string, ofExtensions: readonly string[]): AdminError {
  const more = ofExtensions.filter((one) => !(clusterTopics as readonly string[]).includes(one));
  return new AdminError("unknownTopic", `${JSON.stringify(text)} cannot be explained`, {
    value: text,
    remedy: `use one of: ${[topicForms, ...more].join(", ")}`,
  });
}
