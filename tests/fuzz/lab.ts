/**
 * A cluster in one process on virtual time, with bad peers of each kind: a member, a node that is no
 * member, and a client, each with a certificate of its own.
 *
 * @module
 */
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { eventSourced, type Journal, memoryJournal } from "../../lib/persistence/mod.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import type { InboundFilter, Runtime } from "../../lib/runtime/runtime.ts";
import { structureShards } from "../../lib/distributed/structure_kind.ts";
import { streamProducer } from "../../lib/streams/stream_producer.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { counter, type CounterMessage, getValue, increment } from "../sim/counter.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";
import { limiterType } from "./delivery_generators.ts";
import type { Target } from "./draws.ts";
import { faultsOfRooms, openRooms, type Rooms } from "./rooms.ts";
import { structuresType } from "./structure_generators.ts";

export const numShards = 12;
const port = 25_520;
const honest = ["node-1", "node-2", "node-3", "node-4"];
/** Hosts of bad peers. */
export const badHosts = ["bad", "outsider", "guest", "frames"] as const;
const entities = Array.from({ length: 24 }, (_, index) => `e${index}`);

type Counters = ActorRef<ShardEnvelope<CounterMessage>>;

const numKept = 6;
const keptIds = Array.from({ length: 12 }, (_, index) => `e${index}`);
type KeptMessage = { type: "add" | "get"; replyTo: ActorRef<number> };
type Kept = ActorRef<ShardEnvelope<KeptMessage>>;

/** A counter whose events are kept by several nodes. */
const kept = () =>
  eventSourced<KeptMessage, 1, number>({
    initial: 0,
    onCommand: (_context, count, { type, replyTo }, effect) =>
      type === "get"
        ? effect.reply(replyTo, count)
        : effect.persist(1).thenReply(replyTo, (after) => after),
    onEvent: (count) => count + 1,
  });

const replicated = () => Behaviors.sharded(kept, { numShards: numKept, replication: {} });
/** The same in a database, which nodes stand by for. */
const standing = (journal: Journal) =>
  Behaviors.sharded(kept, { numShards: numKept, replication: {}, journal });

const keyOf = ({ path }: Kept, id: string) => `${path}/${id}`;

/** A node and what was seen of it. */
export interface LabNode {
  readonly host: string;
  readonly system: ClusteredActorSystem;
  readonly counters: Counters;
  /**
   * Replicated: with copies, and with hot standbys. The bad member does not run them, and says so: otherwise
   * it would own some.
   */
  readonly kept: readonly Kept[];
  readonly rooms: Rooms;
  readonly incarnation: number;
}

/** A line of a log of an honest node. */
export interface Line {
  readonly at: number;
  readonly host: string;
  readonly level: string;
  readonly message: string;
}

/** Called with each message of a bad peer that an honest node handles. */
export type Meter = (from: string, path: string, deliver: () => void) => void;

/** See the module's text. */
export class Lab extends SimulatedHosts {
  readonly lines: Line[] = [];
  /** What was confirmed of replicated counters, by type and id. */
  readonly confirmed = new Map<string, number>();
  readonly #database = Object.assign(memoryJournal(), { isShared: true });
  nodes: LabNode[] = [];
  bad: LabNode | undefined;
  outsider: { system: ActorSystem; remoting: Remoting } | undefined;
  guest: ClusterClient | undefined;
  meter: Meter = (_from, _path, deliver) => deliver();

  constructor(seed: number) {
    super(`fuzz ${seed}`, { min: 1, max: 6 }, { dials: true });
    for (const host of [...honest, "late", "bad", "outsider", "frames"]) {
      this.#certify(host, "node");
    }
    this.#certify("guest", "client");
  }

  #certify(host: string, kind: "node" | "client"): void {
    const uri = `spiffe://sim/${kind}/${host}`;
    const identity = { kind, name: host, uri, hosts: [host], fingerprint: host, notAfter: 0 };
    this.network.host(host, { identity });
  }

  /** Forms the cluster, and lets all peers work for a while. */
  async open(): Promise<void> {
    const hosts = [...honest, "bad"];
    const started = await this.clock.resolve(
      Promise.all(hosts.map((host) => this.#start(host, hosts.length))),
    );
    this.bad = started.pop();
    this.nodes = started;
    await this.#openOutsider();
    this.guest = await this.clock.resolve(ClusterClient.connect({
      contactPoints: [`node-1:${port}`],
      systemName: "sim",
      runtime: this.runtime("guest"),
    }));
    await this.work();
    const faults = await this.faultsOfRooms("before all", [...this.nodes, this.bad!]);
    if (faults.length > 0) throw new Error(`before the attack: ${faults.join("; ")}`);
  }

  /** What does not work at these nodes of topics, broadcasts, structures, limits and deliveries. */
  async faultsOfRooms(stage: string, nodes: readonly LabNode[] = this.nodes): Promise<string[]> {
    return await faultsOfRooms(this.clock, nodes.map(({ rooms }) => rooms), stage);
  }

  async #start(host: string, quorum: number): Promise<LabNode> {
    const system = await ClusteredActorSystem.start({
      name: "sim",
      nodeId: host,
      host,
      port,
      seedNodes: [`node-1:${port}`, `node-2:${port}`],
      requiredQuorum: quorum,
      runtime: this.#runtimeOf(host),
      // It may declare itself down, and goes on.
      ...(host === "bad" && { whenDowned: "rejoin" as const }),
    });
    const counters = system.spawn(Behaviors.sharded(counter, { numShards }), "counters");
    const kept = host === "bad" ? [] : [
      system.spawn(replicated(), "kept"),
      system.spawn(standing(this.#database), "standing"),
    ];
    system.spawn(streamProducer<unknown>(), "stream");
    const service = system.spawn(counter(), "service");
    system.receptionist.register(ServiceKey<CounterMessage>("counter-service"), service);
    const { self } = nodeInternalsOf(system)!.view;
    const rooms = openRooms(system);
    return { host, system, counters, kept, rooms, incarnation: self.incarnation };
  }

  #runtimeOf(host: string): Runtime {
    const isBad = (badHosts as readonly string[]).includes(host);
    const logger: Logger = {
      log: (level, _source, message) => {
        if (!isBad) this.lines.push({ at: this.clock.now(), host, level, message });
      },
    };
    const runtime = this.runtime(host, logger);
    if (isBad) return runtime;
    const inbound: InboundFilter = (from, path, deliver) => {
      if (isOfBad(from)) this.meter(from, path, deliver);
      else deliver();
    };
    return { ...runtime, inbound };
  }

  async #openOutsider(): Promise<void> {
    const runtime = this.runtime("outsider");
    const system = new ActorSystem({ runtime });
    const remoting = await this.clock.resolve(Remoting.start(system, {
      runtime,
      systemName: "sim",
      role: "node",
      nodeId: "outsider",
      incarnation: 5,
      host: "outsider",
      port,
    }));
    this.outsider = { system, remoting };
  }

  /** What the bad peers know. */
  target(self: string, numbers: Target["numbers"]): Target {
    const { view } = nodeInternalsOf(this.nodes[0]!.system)!;
    return {
      clusterId: view.clusterId!,
      incarnations: new Map(view.members.map(({ address, incarnation }) => [address, incarnation])),
      self,
      numbers,
      types: new Map([
        ["counters", numShards],
        ["kept", numKept],
        ["standing", numKept],
        [structuresType, structureShards],
        [limiterType, structureShards],
      ]),
      paths: [
        "/service",
        "/stream",
        "/counters",
        "/reader",
        "/consumer",
        "/producer",
        "/nobody",
        "/_watch",
        "/_cluster",
      ],
      clients: [
        "client:spiffe://sim/client/guest#1",
        "client:other",
        "client:spiffe://sim/client/x#2",
      ],
    };
  }

  /** Through whom the bad peers send, by the address that they have. */
  remotings(): readonly (readonly [address: string, remoting: Remoting])[] {
    const guest = clientInternalsOf(this.guest!)!.remoting;
    const bad = nodeInternalsOf(this.bad!.system)!.remoting;
    return [
      [bad.address, bad],
      [this.outsider!.remoting.address, this.outsider!.remoting],
      [guest.address, guest],
    ];
  }

  /** Each node asks each entity, so that all kinds of true messages travel. */
  async work(nodes: readonly LabNode[] = this.nodes): Promise<void> {
    for (const { counters } of nodes) {
      for (const entity of entities) counters.tell(increment(entity));
    }
    const confirm = ({ system }: LabNode, kept: Kept, id: string) => {
      const add = (replyTo: ActorRef<number>) =>
        shardEnvelope(id, { type: "add" as const, replyTo });
      const key = keyOf(kept, id);
      return system.ask(kept, add, { timeout: 5_000 }).then((count) => {
        if (count > (this.confirmed.get(key) ?? 0)) this.confirmed.set(key, count);
      }, () => {});
    };
    for (const node of nodes) {
      for (const kept of node.kept) for (const id of keptIds) void confirm(node, kept, id);
    }
    await this.clock.advance(500);
  }

  /** Asks a node for a replicated counter; 1: it has all that was confirmed. */
  #askKept(system: LabNode["system"], kept: Kept, id: string): Promise<number> {
    const asked = system.ask(kept, (replyTo) => shardEnvelope(id, { type: "get", replyTo }), {
      timeout: 5_000,
    });
    return asked.then(
      (count) => count >= (this.confirmed.get(keyOf(kept, id)) ?? 0) ? 1 : 0,
      () => 0,
    );
  }

  /** Asks all entities through a node; resolves with the number of answers. */
  async answers(nodes: readonly LabNode[] = this.nodes): Promise<number> {
    const asks = nodes.flatMap(({ system, counters }) =>
      entities.map((entity) =>
        system.ask(counters, getValue(entity), { timeout: 5_000 }).then(() => 1, () => 0)
      )
    );
    for (const { system, kept } of nodes) {
      for (const type of kept) {
        for (const id of keptIds) asks.push(this.#askKept(system, type, id));
      }
    }
    const all = await this.clock.resolve(Promise.all(asks));
    return all.reduce((sum: number, one) => sum + one, 0);
  }

  /** How many answers there are if all are well. */
  expectedAnswers(nodes: readonly LabNode[] = this.nodes): number {
    return nodes.length * (entities.length + 2 * keptIds.length);
  }

  /** Takes the bad peers away, all at once. */
  remove(): void {
    for (const host of badHosts) this.network.crash(host);
  }

  /** Whether these nodes see exactly each other, up, and have converged. */
  agree(nodes: readonly LabNode[] = this.nodes): boolean {
    const views = nodes.map(({ system }) => nodeInternalsOf(system)!.view);
    return views.every((view) =>
      view.converged && view.members.length === nodes.length && view.unreachable.size === 0 &&
      view.leader === views[0]!.leader &&
      nodes.every(({ system, incarnation }) =>
        view.members.some((member) =>
          member.address === system.address && member.incarnation === incarnation &&
          member.status === "up"
        )
      )
    );
  }

  /** What these nodes see, for people. */
  describe(nodes: readonly LabNode[] = this.nodes): string {
    return nodes.map(({ host, system }) => {
      const { members, converged, leader, unreachable } = nodeInternalsOf(system)!.view;
      const seen = members.map(({ address, status, incarnation }) =>
        `${address} ${status} ${incarnation}${unreachable.has(address) ? " unreachable" : ""}`
      );
      return `${host}: ${converged ? "converged" : "not converged"}, leader ${leader}: ${
        seen.join(", ")
      }`;
    }).join("\n");
  }

  /** A new node joins; resolves when it is up. */
  async join(): Promise<LabNode> {
    return await this.clock.resolve(this.#start("late", this.nodes.length + 1), 120_000);
  }

  /** Ends everything. */
  async close(nodes: readonly LabNode[]): Promise<void> {
    await this.clock.resolve(Promise.all(nodes.map(({ system }) => system.shutdown())), 120_000);
  }
}

/** Whether an address belongs to a bad peer. */
export function isOfBad(address: string): boolean {
  return badHosts.some((host) => address.startsWith(`${host}:`)) || address.startsWith("client:");
}
