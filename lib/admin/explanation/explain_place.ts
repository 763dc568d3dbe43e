/**
 * Explanations of one shard, one entity, and asks of an entity.
 *
 * @module
 */
import { nearestName } from "../../options/nearest_name.ts";
import { shardOf } from "../../sharding/routing/shard_hash.ts";
import type { ShardPlace } from "../../sharding/routing/shard_place.ts";
import type { KnownType } from "../../sharding/sharding.ts";
import { AdminError } from "../errors.ts";
import type { ExplainPort } from "./explain_port.ts";
import { type Explanation, explanation } from "./explanation.ts";

/** Lost messages that are named. */
const maxLost = 5;

interface Reasons {
  /** The first is the answer. */
  readonly problems: string[];
  readonly facts: string[];
  readonly nextSteps: string[];
  readonly askAlso: string[];
}

/** Explains where a shard is, and what keeps it from running. */
export function explainShard(port: ExplainPort, shardType: string, shard: number): Explanation {
  const topic = `shard ${shardType}/${shard}`;
  const type = typeOf(port, shardType);
  if (type === undefined) return unknownType(port, topic, shardType);
  if (shard >= type.numShards) {
    throw new AdminError("unknownTopic", `${shardType} has no shard ${shard}`, {
      value: shard,
      remedy: `its ${type.numShards} shards are numbered from 0 to ${type.numShards - 1}`,
    });
  }
  const reasons: Reasons = { problems: [], facts: [], nextSteps: [], askAlso: [] };
  const place = shardReasons(port, type, shard, reasons);
  return conclude(
    topic,
    reasons,
    place === undefined
      ? `shard ${shard} of "${shardType}" has no owner that this node knows`
      : `shard ${shard} of "${shardType}" runs at ${place.owner} (epoch ${place.epoch})`,
  );
}

/** Explains where an entity is, and what keeps it from running. */
export function explainEntity(
  port: ExplainPort,
  shardType: string,
  entityId: string,
): Explanation {
  return explainPlaceOf(port, `entity ${shardType}/${entityId}`, shardType, entityId);
}

/** Explains why asks of an entity may fail or wait. */
export function explainAsk(port: ExplainPort, shardType: string, entityId: string): Explanation {
  const place = explainPlaceOf(port, `ask ${shardType}/${entityId}`, shardType, entityId);
  const lost = port.lost().filter(({ target }) => target.includes(shardType));
  const facts = lost.slice(0, maxLost).map(({ target, reason, count, ago }) =>
    `${count} ${
      count === 1 ? "message" : "messages"
    } for ${target} lost here: ${reason}, the last ` +
    `one ${seconds(ago)} ago`
  );
  const nextSteps = lost.slice(0, maxLost).flatMap(({ reason }) => remedies[reason] ?? []);
  if (place.ok && lost.length === 0) {
    nextSteps.push(
      "nothing is known here that stops the ask: if it times out, the handler has not replied yet " +
        "(casty top), or `timeout` is too short",
    );
  }
  const ok = place.ok && lost.length === 0;
  return explanation(
    place.topic,
    ok,
    place.ok && lost.length > 0
      ? `messages for "${shardType}" were lost at this node: ${lost[0]!.reason}`
      : place.summary,
    {
      facts: [...place.facts, ...facts],
      nextSteps: [...place.nextSteps, ...nextSteps],
      askAlso: place.askAlso,
    },
  );
}

function explainPlaceOf(
  port: ExplainPort,
  topic: string,
  shardType: string,
  entityId: string,
): Explanation {
  const type = typeOf(port, shardType);
  if (type === undefined) return unknownType(port, topic, shardType);
  const shard = shardOf(entityId, type.numShards);
  const reasons: Reasons = {
    problems: [],
    facts: [`it belongs to shard ${shard} of ${type.numShards} of "${shardType}"`],
    nextSteps: [],
    askAlso: [],
  };
  const place = shardReasons(port, type, shard, reasons);
  const isHere = place?.owner === port.address;
  const runs = isHere && port.sharding.runningEntities(shardType).includes(entityId);
  if (isHere) {
    reasons.facts.push(
      runs
        ? "the entity runs at this node now"
        : "the entity does not run now: the next message starts it",
    );
  }
  return conclude(
    topic,
    reasons,
    place === undefined
      ? "no owner is known here: messages wait, and the first one asks the coordinator"
      : `messages for it go to ${place.owner}`,
  );
}

/** Collects what is known about a shard; returns where it is. */
function shardReasons(
  port: ExplainPort,
  { shardType, waiting, runs }: KnownType,
  shard: number,
  reasons: Reasons,
): ShardPlace | undefined {
  const { problems, facts, nextSteps, askAlso } = reasons;
  const place = port.sharding.shardTable(shardType)[shard];
  const { leader, members, unreachable } = port.state();
  const isCoordinator = leader === port.address;
  if (leader === undefined) {
    problems.push("no coordinator is known, because no member leads");
    nextSteps.push("casty why joining", "casty why reachability");
  } else if (!isCoordinator) {
    facts.push(`${leader} coordinates shards`);
    askAlso.push(leader);
  }
  const obstacle = port.obstacle(shardType);
  if (obstacle !== undefined) {
    problems.push(obstacle);
    nextSteps.push("casty why sharding", `casty members: which ones run "${shardType}"?`);
  }
  if (place === undefined) {
    if (isCoordinator) {
      facts.push("no node owns it: a shard gets an owner with its first message");
      const why = port.sentences("sharding").slice(1);
      facts.push(...why);
    } else facts.push("this node does not know its owner");
  } else ownerReasons(port, place, shardType, reasons);
  if (place !== undefined) {
    facts.push(`it was granted to ${place.owner} with epoch ${place.epoch}`);
    const phase = port.grantPhase(shardType, shard);
    if (phase === "granted") problems.push(`${place.owner} has not confirmed the grant yet`);
    if (phase === "handingOff") problems.push(`${place.owner} hands it off to another node`);
    if (phase === "granted" || phase === "handingOff") {
      nextSteps.push(`wait some seconds; if it stays so: casty why member ${place.owner}`);
    }
    const owner = members.find(({ address }) => address === place.owner);
    if (owner === undefined) problems.push(`its owner ${place.owner} is no member any more`);
    else if (unreachable.includes(place.owner)) {
      problems.push(
        `its owner ${place.owner} is unreachable: it is granted anew when its lease ends`,
      );
      nextSteps.push(`casty why member ${place.owner}`);
    }
    if (place.owner !== port.address) askAlso.push(place.owner);
  }
  if (waiting > 0) {
    const messages = waiting === 1 ? "1 message" : `${waiting} messages`;
    const verb = waiting === 1 ? "waits" : "wait";
    problems.push(`${messages} for "${shardType}" ${verb} at this node for owners of shards`);
  }
  if (!runs) facts.push(`this node only routes to "${shardType}"`);
  return place;
}

function ownerReasons(
  port: ExplainPort,
  { owner, shard }: ShardPlace,
  shardType: string,
  { problems, facts, nextSteps }: Reasons,
): void {
  if (owner !== port.address) return;
  const { healthy, reason } = port.health().extensions.sharding ?? { healthy: true };
  if (!healthy && reason !== undefined) {
    problems.push(reason);
    nextSteps.push("casty why reachability: the lease needs a majority of the voters");
  } else facts.push("this node holds its lease, so its entities run");
  const copies = port.copies().find((one) => one.shardType === shardType && one.shard === shard);
  if (copies === undefined) return;
  const { open, waitsFor } = copies;
  facts.push(
    `its copies: ${
      copies.copies.map(({ node, inSync, lag }) =>
        `${node} (${inSync ? "in sync" : "not in sync"}, ${lag} entries behind)`
      ).join(", ")
    }`,
  );
  if (open) return;
  problems.push(`it takes no writes: ${waitsFor ?? "it is being promoted"}`);
  nextSteps.push(
    "start the nodes that have its copies; if one and its disk are lost for good: " +
      "system.replication.retire(address) at all nodes (docs/replication.md)",
  );
}

/** What helps against the reasons of lost messages. */
const remedies: Readonly<Record<string, string>> = {
  noShardOwner: "casty why sharding",
  unknownType: "no node runs the type: spawn it under the name that the sender uses",
  wrongShardCount: "use the same `numShards` at all nodes and clients: share one entityType",
  bufferFull: "messages come faster than owners are found: raise `buffer`, or send less",
  mailboxFull: "the actor is slower than its senders: raise `mailbox`, or wait for replies",
  unauthorized: "the option `clients` of the type does not permit the client",
  storeUnavailable: "casty why store",
  notRecovered: "casty why store",
  disconnected: "casty why reachability",
  expired: "the asker has given up before: raise `timeout`, or see casty top",
  tooLarge: "raise `maxMessage`, or send less",
};

function conclude(topic: string, reasons: Reasons, otherwise: string): Explanation {
  const { problems, facts, nextSteps, askAlso } = reasons;
  const [first] = problems;
  return explanation(topic, first === undefined, first ?? otherwise, {
    facts: [...problems, ...facts, ...(first === undefined ? [] : [otherwise])],
    nextSteps,
    askAlso,
  });
}

function typeOf(port: ExplainPort, shardType: string): KnownType | undefined {
  return port.types().find((type) => type.shardType === shardType);
}

function unknownType(port: ExplainPort, topic: string, shardType: string): Explanation {
  const known = port.types().map((type) => type.shardType).filter((name) => !name.startsWith("_"));
  const nearest = nearestName(shardType, known);
  const { leader } = port.state();
  return explanation(topic, false, `this node knows no sharded type "${shardType}"`, {
    facts: [
      `this node knows no sharded type "${shardType}"`,
      known.length === 0 ? "it knows none at all" : `it knows ${known.join(", ")}`,
    ],
    nextSteps: nearest === undefined
      ? ["ask a node that runs it: casty why ... --contact HOST:PORT", "casty shards"]
      : [`did you mean ${nearest}?`],
    askAlso: leader === undefined || leader === port.address ? [] : [leader],
  });
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
