/**
 * Sharding on one node, without its actors: the coordinator, the regions, the routers, and what they
 * say to those of other nodes. Reads no clock and opens nothing: its port sends, and tells the time.
 *
 * @module
 */
import type { AllocationStrategy } from "./coordinator/allocation.ts";
import { Coordinator } from "./coordinator/coordinator.ts";
import type { CoordinatorEvent } from "./coordinator/coordinator_event.ts";
import type { CoordinatorTiming } from "./coordinator/coordinator_timing.ts";
import type { CoordinatorView } from "./coordinator/coordinator_view.ts";
import {
  clientShardsPath,
  type LocateMessage,
  type LocationMessage,
  parseEntityDelivery,
  parseFlushMarker,
  type RefusedMessage,
  regionPath,
  type ShardingMessage,
  shardingPath,
} from "./routing/protocol.ts";
import { type EntityHost, Region, type ShardChange } from "./region/region.ts";
import type { ShardEvent } from "./shard_event.ts";
import { shardOf } from "./routing/shard_hash.ts";
import { ShardRouter } from "./routing/shard_router.ts";
import type { ShardBufferLimits } from "./routing/shard_routes.ts";
import type { ShardingPort } from "./routing/sharding_port.ts";
import { checkMessage, type MessageSchema } from "./routing/schema.ts";
import { compareTerms, isOutdated, noTerm, type Stamp, type Term } from "./routing/term.ts";

/** Ticks between two unasked reports, in case one was lost. */
const ticksPerReport = 20;
/** Senders that are told of moves between two ticks, at most. */
const maxTold = 10_000;

/** Stands for a message that was not let in. */
const refused = Symbol("refused");

/** What a node needs. Messages to itself must arrive after the call. */
export interface ShardNodePort extends ShardingPort {
  publish(event: ShardEvent): void;
  log(level: "warn" | "error", message: string, fields: Record<string, unknown>): void;
  /** What was heard about a shard, for clients that wait for it. */
  heard(message: LocationMessage | RefusedMessage): void;
}

/** A type of entities at this node. */
export interface ShardTypeOptions {
  readonly shardType: string;
  readonly numShards: number;
  /** None: this node owns no shards of the type, and only sends to it. */
  readonly host?: EntityHost;
  readonly strategy?: AllocationStrategy;
  readonly limits?: Partial<ShardBufferLimits>;
  /** What messages from elsewhere must look like. */
  readonly schema?: MessageSchema<unknown>;
}

/** See the module's text. */
export class ShardNode {
  readonly coordinator: Coordinator;
  readonly #port: ShardNodePort;
  readonly #routers = new Map<string, ShardRouter>();
  readonly #schemas = new Map<string, MessageSchema<unknown>>();
  /** Who was told where a shard is since the last tick. */
  readonly #told = new Set<string>();
  #view: CoordinatorView | undefined;
  /** Which of its lives at its address this node is in; 0 while it is no member. */
  #life = 0;
  #promised: Term = noTerm;
  #said = 0;
  #ticks = 0;
  #retiring = false;

  /** Knows no cluster yet. */
  constructor(port: ShardNodePort, timing: Partial<CoordinatorTiming> = {}) {
    this.#port = port;
    this.coordinator = new Coordinator(timing);
  }

  /** All types at this node, by name. */
  get routers(): ReadonlyMap<string, ShardRouter> {
    return this.#routers;
  }

  /** The member that leads, if one is known. */
  get leader(): string | undefined {
    return this.#view?.leader;
  }

  /** Adds a type. Its region owns nothing before `open`. */
  add(options: ShardTypeOptions): ShardRouter {
    const { shardType, numShards, host, strategy, limits, schema } = options;
    if (schema !== undefined) this.#schemas.set(shardType, schema);
    const router = new ShardRouter({
      shardType,
      numShards,
      port: this.#port,
      ask: (shard) => this.#toLeader({ type: "locate", shardType, numShards, shard }),
      ...(host && { region: new Region(host, (...change) => this.#changed(shardType, ...change)) }),
      ...(limits && { limits }),
    });
    if (strategy !== undefined) this.coordinator.setStrategy(shardType, strategy);
    this.#routers.set(shardType, router);
    return router;
  }

  /** The region of a type can start entities. */
  open(shardType: string): void {
    const region = this.#routers.get(shardType)?.region;
    if (region === undefined) return;
    region.ready = true;
    this.#report();
  }

  /** The cluster has changed. */
  onView(view: CoordinatorView): void {
    const before = this.#view?.leader;
    this.#view = view;
    const present = new Set(view.members.map(({ address }) => address));
    this.#live(view.members.find(({ address }) => address === view.self)?.life ?? 0);
    this.#step({ type: "view", view });
    for (const router of this.#routers.values()) {
      router.retainOwners(present);
      if (view.leader !== before) router.tick();
    }
    if (view.leader !== before) this.#report();
  }

  /** A node that is no member any more owns nothing: others may run its entities by now. */
  #live(life: number): void {
    if (this.#life !== 0 && life !== this.#life) {
      for (const { region } of this.#routers.values()) {
        for (const [shard] of region?.grants() ?? []) region!.fence(shard, Infinity);
      }
    }
    this.#life = life;
  }

  /** A node has said something, this one included. */
  receive(from: string, message: ShardingMessage): void {
    switch (message.type) {
      case "askReport":
        return this.#onAskReport(from, message.term);
      case "host":
        if (this.#obeys(from, message.term) && message.life === this.#life) {
          this.#onHost(from, message);
        }
        return;
      case "handOff":
        if (this.#obeys(from, message.term)) this.#onHandOff(message);
        return;
      case "location":
        this.#routers.get(message.shardType)?.learn(message.shard, message.owner, message.epoch);
        return this.#port.heard(message);
      case "table":
        return this.#onTable(message);
      case "drained":
        return this.#routers.get(message.shardType)?.drained(message.shard, message.epoch);
      case "refused":
        this.#routers.get(message.shardType)?.refuse();
        this.#port.log("error", "the coordinator refused", { ...message });
        return this.#port.heard(message);
      case "report":
      case "outdated":
      case "locate":
      case "hosting":
      case "stopped":
        return this.#step({ ...message, from });
      case "returned": // For clients only.
        return;
    }
  }

  /** Something has come for entities of a type. */
  onDelivery(router: ShardRouter, from: string, value: unknown): void {
    const delivery = parseEntityDelivery(value);
    if (delivery !== undefined) {
      const [entityId, sent, epoch] = delivery;
      const message = this.#validate(router.shardType, entityId, from, sent);
      if (message === refused) return;
      const client = from.startsWith("client:") ? from : undefined;
      const grant = router.receive(entityId, message, epoch, client);
      if (grant !== undefined) this.#tellMoved(router.shardType, from, entityId, grant);
      return;
    }
    const mark = parseFlushMarker(value);
    if (mark === undefined) return;
    const [shard, epoch, owner, origin, by] = mark;
    const isClient = from.startsWith("client:");
    // Only nodes pass marks on, and know of grants; a client speaks for itself.
    if (!isClient) router.learn(shard, owner, epoch);
    router.receiveMark([shard, epoch, owner, origin === "" || isClient ? from : origin, by]);
  }

  /** Looks at a message from elsewhere, where it first comes in: it is passed on as it is. */
  #validate(shardType: string, entityId: string, from: string, message: unknown): unknown {
    const schema = this.#schemas.get(shardType);
    if (schema === undefined) return message;
    const checked = checkMessage(schema, message);
    if (checked.valid) return checked.value;
    this.#port.deadLetter("invalidMessage", `${regionPath(shardType)}/${entityId}`, message);
    this.#port.log("warn", "a message does not fit its schema", {
      shardType,
      from,
      why: checked.why,
    });
    return refused;
  }

  /** Repeats what may have been lost. */
  tick(): void {
    this.#told.clear();
    this.#step({ type: "tick" });
    for (const router of this.#routers.values()) router.tick();
    if (this.#retiring) this.#giveUpAll();
    if (++this.#ticks % ticksPerReport === 0 || this.#retiring) {
      if (this.#routers.size > 0) this.#report();
    }
  }

  /** This node leaves: says so first, then gives up all shards, in order, and takes no others. */
  retire(): void {
    if (this.#retiring) return;
    this.#retiring = true;
    this.#report();
    this.#giveUpAll();
    this.#report();
  }

  #giveUpAll(): void {
    for (const { shardType, region } of this.#routers.values()) {
      for (const [shard, epoch, stopping] of region?.grants() ?? []) {
        if (stopping === 0) this.#giveUp(shardType, shard, epoch);
      }
    }
  }

  /** Whether a node that leaves has given all up, and nothing waits here any more. */
  get retired(): boolean {
    for (const { region, buffered } of this.#routers.values()) {
      if ((region?.size ?? 0) > 0 || buffered > 0) return false;
    }
    return this.#retiring;
  }

  /** Gives up all that waits; what clients have sent goes back to them. */
  close(): void {
    for (const router of this.#routers.values()) router.close();
  }

  /** Where a shard is, as far as this node knows. */
  known({ shardType, numShards, shard }: LocateMessage): LocationMessage | undefined {
    const router = this.#routers.get(shardType);
    if (router === undefined || router.numShards !== numShards) return undefined;
    const owner = router.ownerOf(shard);
    if (owner === undefined) return undefined;
    return { type: "location", shardType, shard, owner, epoch: router.epochOf(shard) };
  }

  /** Asks the coordinator where a shard is. */
  locate(question: LocateMessage): void {
    this.#toLeader(question);
  }

  /** A node promises itself to the leader that it sees, and to none of an earlier term any more. */
  #onAskReport(from: string, term: Term): void {
    // Should this node lead one day, its term must have a higher number.
    this.#step({ type: "outdated", from, term });
    if (from !== this.#view?.leader) return;
    if (isOutdated(term, this.#promised)) {
      return this.#send(from, { type: "outdated", term: this.#promised });
    }
    this.#promised = term;
    this.#report();
  }

  /** A grant of a deposed leader may contradict what its successor was told. */
  #obeys(from: string, term: Term): boolean {
    return from === this.#view?.leader && compareTerms(term, this.#promised) === 0;
  }

  #onHost(from: string, { shardType, shard, epoch }: AboutShard): void {
    const router = this.#routers.get(shardType);
    const region = router?.region;
    if (!region?.ready || shard >= router!.numShards) return;
    const answer = this.#retiring ? "stopped" : region.own(shard, epoch);
    if (answer === "running") {
      const held = region.epochOf(shard);
      router!.learn(shard, this.#port.self, held);
      this.#send(from, { type: "hosting", stamp: this.#stamp(), shardType, shard, epoch: held });
    } else if (answer === "stopped") {
      if (this.#retiring) this.#report();
      this.#giveUp(shardType, shard, epoch);
    }
  }

  #onHandOff({ shardType, shard, epoch }: AboutShard): void {
    const router = this.#routers.get(shardType);
    if (router === undefined || shard >= router.numShards) return;
    if (router.region !== undefined) this.#giveUp(shardType, shard, epoch);
    else this.#toLeader({ type: "stopped", stamp: this.#stamp(), shardType, shard, epoch });
  }

  /** Stops a shard's entities and confirms; if there are none to stop, confirms again. */
  #giveUp(shardType: string, shard: number, epoch: number): void {
    const router = this.#routers.get(shardType)!;
    const held = router.region!.epochOf(shard);
    const confirm = () =>
      this.#toLeader({ type: "stopped", stamp: this.#stamp(), shardType, shard, epoch });
    // Messages of this node wait for older ones that are on their way here: those come first. Whoever
    // wants the shard asks again.
    if (held > 0 && router.isDetouring(shard)) return;
    if (held > 0 && held <= epoch) router.hold(shard);
    // Called at once if there is nothing to stop; then the answer below says so, too.
    let confirmed = false;
    const answer = router.region!.handOff(shard, epoch, () => {
      confirmed = true;
      confirm();
    });
    if (answer === "stopped" && !confirmed) confirm();
  }

  #onTable(message: ShardingMessage & { type: "table" }): void {
    const router = this.#routers.get(message.shardType);
    for (const [shard, owner, epoch] of message.shards) {
      router?.learn(shard, message.owners[owner]!, epoch);
    }
  }

  /** The sender believes that the shard is here: it is told better, once in a while. */
  #tellMoved(
    shardType: string,
    to: string,
    entityId: string,
    { owner, epoch }: { readonly owner: string; readonly epoch: number },
  ): void {
    const shard = shardOf(entityId, this.#routers.get(shardType)!.numShards);
    const key = `${to}\n${shardType}\n${shard}`;
    if (this.#told.has(key) || this.#told.size >= maxTold) return;
    this.#told.add(key);
    const path = to.startsWith("client:") ? clientShardsPath : shardingPath;
    this.#port.send(to, path, { type: "location", shardType, shard, owner, epoch });
  }

  #changed(shardType: string, shard: number, epoch: number, how: ShardChange): void {
    this.#port.publish(
      how === "started"
        ? { type: "shardStarted", shardType, shard, epoch }
        : { type: "shardStopped", shardType, shard, epoch, reason: how },
    );
  }

  #step(event: CoordinatorEvent): void {
    for (const effect of this.coordinator.step(event, this.#port.now())) {
      if (effect.type === "event") this.#port.publish(effect.event);
      else if (effect.type === "strategyFailed") {
        const { shardType, error } = effect;
        this.#port.log("error", "the allocation strategy failed", { shardType, error });
      } else {
        const { to, ...message } = effect;
        this.#send(to, message);
      }
    }
  }

  #report(): void {
    const regions = [];
    for (const { shardType, numShards, region, lastEpoch } of this.#routers.values()) {
      if (!region?.ready) continue;
      regions.push({ shardType, numShards, shards: region.grants(), lastEpoch });
    }
    this.#toLeader({
      type: "report",
      term: this.#promised,
      stamp: this.#stamp(),
      retiring: this.#retiring,
      regions,
    });
  }

  #stamp(): Stamp {
    return [this.#life, ++this.#said];
  }

  #toLeader(message: ShardingMessage): void {
    if (this.leader !== undefined) this.#send(this.leader, message);
  }

  #send(to: string, message: ShardingMessage): void {
    this.#port.send(to, shardingPath, message);
  }
}

interface AboutShard {
  readonly shardType: string;
  readonly shard: number;
  readonly epoch: number;
}
