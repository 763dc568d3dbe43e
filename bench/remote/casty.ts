import {
  type ActorRef,
  Behaviors,
  ClusteredActorSystem,
  type ShardEnvelope,
  shardEnvelope,
} from "@casty/casty";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import type { Row } from "../report.ts";
import { type BenchMessage, benchSystem, counter } from "./counter.ts";

/** A multiple of `tellsPerAsk`. */
const tells = 200_000;
const tellsPerAsk = 10_000;
const tellsPerTurn = 1_000;
/** Asks of a flood that may wait for their answer. */
const unanswered = 3;
const asks = 3_000;
const concurrentAsks = 30_000;
/** Fills the frame of a tell up to 100 bytes; an entity's is longer by its id and path. */
const text = "x".repeat(64);
/** Entities of the sharded rows; those that the peer owns are used. */
const entities = 64;

/** Joins the peer's cluster, measures, leaves. */
export async function measureCasty(peer: string, tls: TlsMaterial): Promise<Row[]> {
  await using system = await ClusteredActorSystem.start({
    name: benchSystem,
    nodeId: "near",
    host: "127.0.0.1",
    port: 0,
    seedNodes: [peer],
    requiredQuorum: 2,
    tls,
  });
  const ref = system.lookup<BenchMessage>("/counter", { node: peer })!;
  const rows: Row[] = [
    { name: "casty: remote tell, 100 B", value: await tellRate(system, ref), unit: "/s" },
    { name: "casty: remote ask, sequential, p50", value: await askTime(system, ref), unit: "us" },
  ];
  for (const width of [64, 256]) {
    const value = await askRate(system, ref, width);
    rows.push({ name: `casty: remote ask, ${width} outstanding`, value, unit: "/s" });
  }
  const sharded = system.spawn(Behaviors.sharded(counter, { numShards: 8 }), "counters");
  const id = await remoteEntity(system, sharded, peer);
  const value = await shardedTellRate(system, sharded, id);
  rows.push({ name: "casty: sharded tell to a remote entity", value, unit: "/s" });
  return rows;
}

const get = (replyTo: ActorRef<number>): BenchMessage => ({ type: "get", text, replyTo });

function tellRate(system: ClusteredActorSystem, ref: ActorRef<BenchMessage>): Promise<number> {
  return floodRate(
    () => ref.tell({ type: "count", text }),
    () => system.ask(ref, get, { timeout: 10_000 }),
  );
}

/**
 * Tells, and asks now and then how many have arrived, so that never more than `unanswered` asks and
 * the tells before them are under way: a producer that does not look overruns the send queue, and
 * what does not fit there is a dead letter.
 */
async function floodRate(tell: () => void, ask: () => Promise<number>): Promise<number> {
  const before = await ask();
  const pending: Promise<number>[] = [];
  const begin = performance.now();
  for (let sent = 1; sent <= tells; sent++) {
    tell();
    if (sent % tellsPerAsk === 0) {
      pending.push(ask());
      if (pending.length > unanswered) await pending.shift();
    } else if (sent % tellsPerTurn === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const after = (await Promise.all(pending)).at(-1)!;
  const took = performance.now() - begin;
  if (after - before !== tells) throw new Error(`${after - before} of ${tells} tells arrived`);
  return tells / (took / 1_000);
}

async function askTime(
  system: ClusteredActorSystem,
  ref: ActorRef<BenchMessage>,
): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < asks; i++) {
    const begin = performance.now();
    await system.ask(ref, get);
    times.push((performance.now() - begin) * 1_000);
  }
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

async function askRate(
  system: ClusteredActorSystem,
  ref: ActorRef<BenchMessage>,
  width: number,
): Promise<number> {
  let left = concurrentAsks;
  const worker = async () => {
    while (left-- > 0) await system.ask(ref, get);
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: width }, worker));
  return concurrentAsks / ((performance.now() - begin) / 1_000);
}

/** An entity that the peer owns. */
async function remoteEntity(
  system: ClusteredActorSystem,
  ref: ActorRef<ShardEnvelope<BenchMessage>>,
  peer: string,
): Promise<string> {
  for (let n = 0; n < entities; n++) {
    const id = `entity-${n}`;
    await system.ask(ref, (replyTo: ActorRef<number>) => shardEnvelope(id, get(replyTo)));
    if (system.shardOwner("counters", id) === peer) return id;
  }
  throw new Error("the peer owns no entity");
}

function shardedTellRate(
  system: ClusteredActorSystem,
  ref: ActorRef<ShardEnvelope<BenchMessage>>,
  id: string,
): Promise<number> {
  return floodRate(
    () => ref.tell(shardEnvelope(id, { type: "count", text })),
    () => system.ask(ref, (replyTo: ActorRef<number>) => shardEnvelope(id, get(replyTo))),
  );
}
