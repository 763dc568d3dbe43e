/**
 * One node with replicated shards. Reads its options as one line of JSON from its input, and then a
 * {@linkcode NodeCommand} from each line; answers each with one {@linkcode NodeAnswer}. Shuts down at the
 * end of its input.
 *
 * @module
 */
import {
  type ActorRef,
  AskError,
  Behaviors,
  ClusteredActorSystem,
  shardEnvelope,
  silentLogger,
} from "@casty/casty";
import { sqliteJournal } from "@casty/casty/persistence";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";
import {
  counter,
  Counters,
  type CountMessage,
  ledger,
  Ledgers,
  plainCounter,
  PlainCounters,
  type ReplicationNodeOptions,
} from "./entities.ts";
import { Pings, pings } from "./pings.ts";

/** Asks counters for some seconds, each again as soon as one of its asks is answered. */
export interface MeasureCommand {
  readonly type: "measure";
  readonly what: "counters" | "plain-counters";
  /** Only those that this node owns, or only others. */
  readonly where: "here" | "elsewhere";
  readonly ids: readonly string[];
  /** Asks under way for each counter. */
  readonly depth: number;
  /** Counters that are asked at the same time, at most. Default all. */
  readonly limit?: number;
  readonly warmUp: number;
  readonly seconds: number;
}

/** A command. */
export type NodeCommand =
  | { readonly type: "status" }
  /** All of `explain`, as a person reads it. */
  | { readonly type: "explain" }
  | MeasureCommand
  /** Runs the types, of a node that was to do that later. */
  | { readonly type: "spawn" }
  /** Adds so many large events to each counter that this node owns. */
  | { readonly type: "bulk"; readonly ids: readonly string[]; readonly events: number }
  /** Reads counters wherever they are. */
  | { readonly type: "sum"; readonly ids: readonly string[] }
  /** Pings the other nodes, and asks plain counters elsewhere, at a fixed rate. */
  | { readonly type: "probe"; readonly ids: readonly string[]; readonly seconds: number };

/** What this node has of a type. */
export interface NodeStatus {
  readonly copies: number;
  readonly owned: number;
  readonly open: number;
  /** Lines of `explain("replication")` about shards for which something is missing. */
  readonly missing: readonly string[];
}

/** Figures of a measurement. Times in milliseconds. */
export interface Measured {
  /** All answers, those outside the time that counts among them. */
  readonly answered: number;
  readonly perSecond: number;
  readonly counters: number;
  readonly p50: number;
  readonly p99: number;
}

/** An answer. */
export type NodeAnswer =
  | { readonly type: "ready" }
  | { readonly type: "spawned" }
  | { readonly type: "status"; readonly status: Readonly<Record<string, NodeStatus>> }
  | { readonly type: "explained"; readonly lines: readonly string[] }
  | { readonly type: "measured"; readonly figures: Measured }
  | { readonly type: "added"; readonly events: number }
  | { readonly type: "sum"; readonly sum: number }
  /** Milliseconds of each ping and ask. */
  | {
    readonly type: "probed";
    readonly pings: readonly number[];
    readonly asks: readonly number[];
    /** Asks to shards that another node owns since: they wait for the move. */
    readonly moved: readonly number[];
  };

/** Milliseconds between two pings. */
const probeInterval = 5;

const print = (answer: NodeAnswer) => console.log(JSON.stringify(answer));

type Refs = Readonly<Record<MeasureCommand["what"], ActorRef<unknown>>>;

/** The refs of the types of this node. */
interface Types {
  readonly system: ClusteredActorSystem;
  readonly refs: Refs;
}

interface Node {
  readonly system: ClusteredActorSystem;
  readonly spawn: () => Refs;
}

async function start(options: ReplicationNodeOptions): Promise<Node> {
  const { nodeId, host, port, seedNodes, tls, file, replicas, minAcks, quorum = 1 } = options;
  const system = await ClusteredActorSystem.start({
    name: "replicated",
    nodeId,
    host,
    port,
    seedNodes: [...seedNodes],
    tls,
    requiredQuorum: quorum,
    startTimeout: 120_000,
    whenDowned: "rejoin",
    leaveTimeout: 30_000,
    logger: silentLogger,
    extensions: [pings],
  });
  const replication = { replicas, minAcks };
  // One file for each type would be one fsync for each type.
  const journal = file === undefined ? undefined : await sqliteJournal(file);
  const stored = { replication, ...(journal && { journal }) };
  const spawn = () => {
    system.spawn(Behaviors.sharded(Ledgers, ledger, stored));
    const counters = system.spawn(Behaviors.sharded(Counters, counter, stored));
    const plain = system.spawn(Behaviors.sharded(PlainCounters, plainCounter));
    return {
      counters: counters as ActorRef<unknown>,
      "plain-counters": plain as ActorRef<unknown>,
    };
  };
  return { system, spawn };
}

/** What `explain("replication")` says, by type. Entries under way to a copy are no fault. */
function statusOf(system: ClusteredActorSystem): Record<string, NodeStatus> {
  const status: Record<string, NodeStatus & { missing: string[] }> = {};
  for (const line of system.cluster.explain("replication")) {
    const name = /^"([^"]+)"/.exec(line)?.[1];
    if (name === undefined) continue;
    const counts = /copies of (\d+) of \d+ shards, and owns (\d+), of which (\d+)/.exec(line);
    if (counts !== null) {
      const [copies, owned, open] = counts.slice(1).map(Number) as [number, number, number];
      status[name] = { copies, owned, open, missing: [] };
    } else if (!/lacks \d+ entries$/.test(line)) status[name]?.missing.push(line);
  }
  return status;
}

/** Sends a message to a counter; resolves with its count. */
function asker({ system, refs }: Types, what: MeasureCommand["what"], type: CountMessage["type"]) {
  return (id: string): Promise<number> =>
    system.ask(
      refs[what] as never,
      (replyTo: ActorRef<number>) =>
        shardEnvelope(id, { type, replyTo } satisfies CountMessage) as never,
      { timeout: 30_000 },
    );
}

function explainAll({ cluster, members }: ClusteredActorSystem): string[] {
  const topics = ["sharding", "replication"].flatMap((topic) => cluster.explain(topic));
  return [members.map(({ nodeId, status }) => `${nodeId} ${status}`).join(", "), ...topics];
}

async function measure(types: Types, command: MeasureCommand): Promise<Measured> {
  const { what, where, ids, depth, warmUp, seconds, limit = Infinity } = command;
  const { system } = types;
  const isHere = (id: string) => system.sharding.shardOwner(what, id) === system.address;
  const chosen = ids.filter((id) => isHere(id) === (where === "here")).slice(0, limit);
  const add = asker(types, what, "add");
  await Promise.all(chosen.map(add));
  let answered = chosen.length;
  const begin = performance.now() + warmUp * 1_000;
  const end = begin + seconds * 1_000;
  const times: number[] = [];
  await Promise.all(chosen.flatMap((id) =>
    Array.from({ length: depth }, async () => {
      for (let at = performance.now(); at < end;) {
        await add(id);
        answered++;
        const now = performance.now();
        if (at >= begin && now < end) times.push(now - at);
        at = now;
      }
    })
  ));
  const sorted = Float64Array.from(times).sort();
  const part = (share: number) => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return {
    answered,
    perSecond: times.length / seconds,
    counters: chosen.length,
    p50: part(0.5),
    p99: part(0.99),
  };
}

async function bulk(types: Types, ids: readonly string[], events: number): Promise<number> {
  const { system } = types;
  const add = asker(types, "counters", "bulk");
  const own = ids.filter((id) => system.sharding.shardOwner("counters", id) === system.address);
  await Promise.all(own.map(async (id) => {
    for (let count = 0; count < events; count++) {
      await add(id).catch((error) => {
        // The shard has moved, or the node was kept from running for longer than its lease: what was
        // stored all the same is one more.
        if (!(error instanceof AskError)) throw error;
        count--;
        return new Promise((resolve) => setTimeout(resolve, 100));
      });
    }
  }));
  return own.length * events;
}

async function probe(types: Types, ids: readonly string[], seconds: number) {
  const { system } = types;
  const heartbeats = system.extension(Pings);
  const ownerOf = (id: string) => system.sharding.shardOwner("plain-counters", id);
  const elsewhere = ids.filter((id) => ownerOf(id) !== system.address);
  const get = asker(types, "plain-counters", "get");
  const owners = new Map(elsewhere.map((id) => [id, ownerOf(id)]));
  const pingTimes: number[] = [];
  const askTimes: [id: string, ms: number][] = [];
  const open: Promise<unknown>[] = [];
  const end = performance.now() + seconds * 1_000;
  for (let turn = 0; performance.now() < end; turn++) {
    const { others } = heartbeats;
    open.push(heartbeats.ping(others[turn % others.length]!).then((ms) => pingTimes.push(ms)));
    const begun = performance.now();
    const id = elsewhere[turn % elsewhere.length]!;
    open.push(get(id).then(() => askTimes.push([id, performance.now() - begun])));
    await new Promise((resolve) => setTimeout(resolve, probeInterval));
  }
  await Promise.all(open);
  const stays = ([id]: [string, number]) => ownerOf(id) === owners.get(id);
  return {
    pings: pingTimes,
    asks: askTimes.filter(stays).map(([, ms]) => ms),
    moved: askTimes.filter((ask) => !stays(ask)).map(([, ms]) => ms),
  };
}

/** Carries out commands. */
class CommandedNode {
  readonly #system: ClusteredActorSystem;
  readonly #spawn: () => Refs;
  #types: Types | undefined;

  private constructor({ system, spawn }: Node) {
    this.#system = system;
    this.#spawn = spawn;
  }

  static async start(options: ReplicationNodeOptions): Promise<CommandedNode> {
    const node = new CommandedNode(await start(options));
    if (options.spawnsLater !== true) node.spawn();
    return node;
  }

  spawn(): void {
    this.#types = { system: this.#system, refs: this.#spawn() };
  }

  async carryOut(command: NodeCommand): Promise<NodeAnswer> {
    const system = this.#system;
    switch (command.type) {
      case "spawn":
        this.spawn();
        return { type: "spawned" };
      case "status":
        return { type: "status", status: statusOf(system) };
      case "explain":
        return { type: "explained", lines: explainAll(system) };
    }
    const types = this.#types;
    if (types === undefined) throw new Error(`${command.type} before spawn`);
    switch (command.type) {
      case "measure":
        return { type: "measured", figures: await measure(types, command) };
      case "bulk":
        return { type: "added", events: await bulk(types, command.ids, command.events) };
      case "sum": {
        const counts = await Promise.all(command.ids.map(asker(types, "counters", "get")));
        return { type: "sum", sum: counts.reduce((sum, count) => sum + count, 0) };
      }
      case "probe":
        return { type: "probed", ...await probe(types, command.ids, command.seconds) };
    }
  }

  shutdown(): Promise<void> {
    return this.#system.shutdown();
  }
}

async function main(): Promise<void> {
  let node: CommandedNode | undefined;
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (node === undefined) {
      node = await CommandedNode.start(JSON.parse(line) as ReplicationNodeOptions);
      print({ type: "ready" });
    } else void node.carryOut(JSON.parse(line) as NodeCommand).then(print);
  }
  await node?.shutdown();
  Deno.exit(0);
}

if (import.meta.main) await main();
