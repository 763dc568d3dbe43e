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

const tells = 200_000;
const asks = 3_000;
const concurrentAsks = 30_000;
/** Fills a message up to about 100 bytes. */
const text = "x".repeat(40);
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
  rows.push({ name: "casty: sharded tell to a remote entity, 100 B", value, unit: "/s" });
  return rows;
}

const get = (replyTo: ActorRef<number>): BenchMessage => ({ type: "get", text, replyTo });

async function tellRate(
  system: ClusteredActorSystem,
  ref: ActorRef<BenchMessage>,
): Promise<number> {
  const before = await system.ask(ref, get);
  const begin = performance.now();
  for (let sent = 0; sent < tells; sent++) {
    ref.tell({ type: "count", text });
    // A producer that never yields would only measure the queue's limit.
    if (sent % 2_000 === 1_999) await new Promise((resolve) => setImmediate(resolve));
  }
  const after = await system.ask(ref, get, { timeout: 60_000 });
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

async function shardedTellRate(
  system: ClusteredActorSystem,
  ref: ActorRef<ShardEnvelope<BenchMessage>>,
  id: string,
): Promise<number> {
  const ask = () =>
    system.ask(ref, (replyTo: ActorRef<number>) => shardEnvelope(id, get(replyTo)), {
      timeout: 60_000,
    });
  const before = await ask();
  const begin = performance.now();
  for (let sent = 0; sent < tells; sent++) {
    ref.tell(shardEnvelope(id, { type: "count", text }));
    if (sent % 2_000 === 1_999) await new Promise((resolve) => setImmediate(resolve));
  }
  const after = await ask();
  const took = performance.now() - begin;
  if (after - before !== tells) throw new Error(`${after - before} of ${tells} tells arrived`);
  return tells / (took / 1_000);
}
