import { InternalMessage } from "../../actor/ref/internal_message.ts";
import { sentMessage } from "../../actor/ref/sent_message.ts";
import {
  clientShardsPath,
  parseEntityDelivery,
  parseFlushMarker,
  regionPath,
  shardingPath,
} from "../routing/protocol.ts";
import { checkMessage, type MessageSchema } from "../../actor/behavior/message_schema.ts";
import type { DeliverySender } from "./delivery_sender.ts";
import { TokenBuckets } from "../../runtime/token_buckets.ts";
import type { LocatedGrant } from "../routing/shard_grant.ts";
import { shardOf } from "../routing/shard_hash.ts";
import type { ShardRouter } from "../routing/shard_router.ts";
import type { ShardingPort } from "../routing/sharding_port.ts";

/** Corrections of senders between two ticks, at most. */
const maxCorrections = 10_000;

/** Stands for a message that does not fit its schema. */
const invalid = Symbol("invalid");

/** Dependencies of {@linkcode DeliveryIntake}. */
export interface DeliveryIntakePort extends ShardingPort {
  /** Writes a line, or counts it: one for each cause, identity and minute. */
  log(
    level: "warn" | "error",
    message: string,
    fields: Record<string, unknown>,
    identity?: string,
  ): void;
}

/** What a node knows of the cluster, by which it judges what others send. */
export interface DeliveryJudge {
  /** Whether a node coordinates the shards: others do not teach where they are. */
  isCoordinator(address: string): boolean;
  /** Whether a grant with this epoch can have been made. */
  isPlausible(epoch: number): boolean;
}

/**
 * Handles messages of other nodes and clients to a region: validates them against the schema at the
 * first node, passes them to the router, and corrects senders that used an old grant.
 */
export class DeliveryIntake {
  readonly #port: DeliveryIntakePort;
  readonly #judge: DeliveryJudge;
  readonly #schemas = new Map<string, MessageSchema<unknown>>();
  /** Starts of entities by clients, for each type. */
  readonly #starts = new Map<string, TokenBuckets>();
  /** Corrections that were sent since the last tick, by sender and shard. */
  readonly #corrected = new Set<string>();

  /** Accepts any message until schemas are added. */
  constructor(port: DeliveryIntakePort, judge: DeliveryJudge) {
    this.#port = port;
    this.#judge = judge;
  }

  /** Messages for entities of a type must fit the schema. */
  addSchema(shardType: string, schema: MessageSchema<unknown>): void {
    this.#schemas.set(shardType, schema);
  }

  /** Clients with one certificate may start so many entities of a type a second. */
  limitStarts(shardType: string, rate: number): void {
    this.#starts.set(shardType, new TokenBuckets(rate));
  }

  /** Something has arrived for entities of a type. `deadline`: see {@linkcode ShardingPort.send}. */
  receive(router: ShardRouter, sender: DeliverySender, value: unknown, deadline?: number): void {
    const from = sender.address;
    const delivery = parseEntityDelivery(value);
    if (delivery !== undefined) {
      const [entityId, sent, epoch] = delivery;
      if (!this.#judge.isPlausible(epoch)) {
        this.#refuseEpoch(router, sender, epoch);
        const target = `${regionPath(router.shardType)}/${entityId}`;
        const why = "the message names an epoch that no grant can have";
        return this.#port.deadLetter("invalidMessage", target, sent, why);
      }
      const message = this.#validate(router.shardType, entityId, sender, sent);
      if (message === invalid) return;
      const { client } = sender;
      if (client !== undefined && !this.#mayReach(router, entityId, sender)) {
        const target = `${regionPath(router.shardType)}/${entityId}`;
        const why = "the client exceeds maxStartsPerIdentity";
        return this.#port.deadLetter("bufferFull", target, message, why);
      }
      const kept = sentMessage(message, client, deadline);
      const grant = router.receive(entityId, kept, epoch, from);
      if (grant !== undefined) this.#correct(router, from, entityId, grant);
      return;
    }
    const marker = parseFlushMarker(value);
    if (marker === undefined) return;
    const [shard, epoch, owner, origin, by] = marker;
    const isClient = from.startsWith("client:");
    const latest = Math.max(epoch, by);
    if (!this.#judge.isPlausible(latest)) return this.#refuseEpoch(router, sender, latest);
    // Only nodes forward markers and know of grants; the origin of a client's marker is the client.
    // Another one may claim any location: this node asks the coordinator for it.
    if (this.#judge.isCoordinator(from)) router.learn(shard, owner, epoch);
    router.receiveMarker([shard, epoch, owner, origin === "" || isClient ? from : origin, by]);
  }

  /** Allows corrections of the same senders again. */
  tick(): void {
    this.#corrected.clear();
  }

  #refuseEpoch({ shardType }: ShardRouter, sender: DeliverySender, epoch: number): void {
    const { address: peer, accountable } = sender;
    const fields = { shardType, peer, epoch };
    this.#port.log("warn", "ignored an epoch that no grant can have", fields, accountable);
  }

  /** Whether the entity runs, or the client may start it. */
  #mayReach(router: ShardRouter, entityId: string, sender: DeliverySender): boolean {
    return !router.wouldStart(entityId) || this.#takeStart(router, sender);
  }

  /**
   * Whether a client may start an entity by way of this node. Another node would start it for this one,
   * so each message to an entity elsewhere counts.
   */
  mayStart(router: ShardRouter, entityId: string, sender: DeliverySender): boolean {
    const owner = router.ownerOf(shardOf(entityId, router.numShards));
    const runsHere = owner === this.#port.self && !router.wouldStart(entityId);
    return runsHere || this.#takeStart(router, sender);
  }

  #takeStart({ shardType }: ShardRouter, sender: DeliverySender): boolean {
    const starts = this.#starts.get(shardType);
    if (starts === undefined) return true;
    const { address: from, account, accountable } = sender;
    if (starts.take(account, this.#port.now())) return true;
    const message = "a client exceeds maxStartsPerIdentity; dropping messages";
    this.#port.log("warn", message, { shardType, from, client: account }, accountable);
    return false;
  }

  #validate(
    shardType: string,
    entityId: string,
    { address: from, accountable }: DeliverySender,
    message: unknown,
  ): unknown {
    const schema = this.#schemas.get(shardType);
    if (schema === undefined) return message;
    // A message of the library is checked by what it holds.
    const internal = message instanceof InternalMessage ? message : undefined;
    if (internal !== undefined && internal.payload === undefined) return message;
    const checked = checkMessage(schema, internal === undefined ? message : internal.payload);
    if (checked.valid) return internal?.withPayload(checked.value) ?? checked.value;
    const { why, told = why } = checked;
    this.#port.deadLetter("invalidMessage", `${regionPath(shardType)}/${entityId}`, message, told);
    const fields = { shardType, from, why };
    this.#port.log("warn", "a message does not fit its schema", fields, accountable);
    return invalid;
  }

  /** The sender used an old grant: sends it the newer one, at most once between two ticks. */
  #correct(
    { shardType, numShards }: ShardRouter,
    to: string,
    entityId: string,
    grant: LocatedGrant,
  ): void {
    const shard = shardOf(entityId, numShards);
    const key = `${to}\n${shardType}\n${shard}`;
    if (this.#corrected.has(key) || this.#corrected.size >= maxCorrections) return;
    this.#corrected.add(key);
    const path = to.startsWith("client:") ? clientShardsPath : shardingPath;
    this.#port.send(to, path, { type: "location", shardType, shard, ...grant });
  }
}
