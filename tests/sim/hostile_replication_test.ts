/**
 * A member that neither owns shards of a replicated type, nor has copies, nor coordinates: what it says of
 * them changes nothing. Each test sends what a rule of `lib/runtime/rules.ts` refuses.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import {
  type ControlMessage,
  encodeControl,
  replicaControlPath,
} from "../../lib/replication/control_form.ts";
import { logStart } from "../../lib/replication/log_position.ts";
import { MessageBatch } from "../../lib/replication/message_form.ts";
import type { ReplicationMessage } from "../../lib/replication/replication_protocol.ts";
import { simulate, type SimulatedNode, type Simulation } from "../../lib/testkit/mod.ts";
import { replicationPath } from "../../lib/transport/base/peer.ts";
import { copies, Diaries, explained, isWhole, setup, Writers } from "./diaries.ts";

const shardType = Diaries.name;
const hostile = (sim: Simulation) => sim.nodes.at(-1)!;
const honest = (sim: Simulation) => sim.nodes.slice(0, -1);
/** The last node knows nothing of the type. */
const onOthers = (node: SimulatedNode) => node.name === "node-4" ? undefined : copies()(node);
const options = { ...setup, seed: 21, nodes: 4, duration: 120_000, setup: onOthers };

/** The epoch of each shard's grant, by shard. */
const epochs = (sim: Simulation) =>
  new Map(
    honest(sim).flatMap((node) => node.alive ? node.ownedShards() : [])
      .map(({ shard, epoch }) => [shard, epoch] as const)
      .sort(([a], [b]) => a - b),
  );

/** From the hostile node to all others, one message for each shard. */
function sendCopies(sim: Simulation, make: (epoch: number) => readonly ReplicationMessage[]): void {
  const { remoting } = nodeInternalsOf(hostile(sim).system)!;
  for (const { address } of honest(sim)) {
    const batch = new MessageBatch();
    for (const [shard, epoch] of epochs(sim)) {
      for (const message of make(epoch)) batch.add(shard, message);
    }
    remoting.send(address, replicationPath, 0, batch.take(shardType));
  }
}

function sendControl(sim: Simulation, messages: readonly ControlMessage[]): void {
  const { remoting } = nodeInternalsOf(hostile(sim).system)!;
  for (const { address } of honest(sim)) {
    for (const message of messages) {
      remoting.send(address, replicaControlPath, 0, encodeControl(message));
    }
  }
}

/** While there are writers `lie` is told again and again: no shard moves, and no ask fails. */
async function withLies(sim: Simulation, lie: () => void): Promise<void> {
  const writers = await Writers.start(sim);
  await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
  const before = epochs(sim);
  assertEquals(before.size, Diaries.numShards);
  for (let times = 0; times < 40; times++) {
    lie();
    await sim.sleep(250);
  }
  assertEquals(epochs(sim), before, "grants");
  await writers.end();
  await sim.until(() => isWhole(sim), { what: explained(sim).join("\n"), limit: 2_000 });
  await writers.check();
  assertEquals(writers.failed, 0, "asks that failed");
}

Deno.test("copies obey the owner that the coordinator names, and no other member", async () => {
  await simulate(options, async (sim) => {
    const store = { address: hostile(sim).address, store: 7 };
    const config = (epoch: number) => ({
      version: [epoch, 1_000] as const,
      inSync: [store],
      minAcks: 0,
    });
    const point = { at: logStart, cursor: "" };
    const bytes = new Uint8Array();
    const orders = (epoch: number): ReplicationMessage[] => [
      { type: "promiseEpoch", epoch, bootstrap: { stores: [], closed: false } },
      { type: "storeConfig", epoch, config: config(epoch) },
      { type: "releaseCopy", epoch, generation: 0 },
      { type: "fillCopy", epoch, generation: 0, point, bytes, next: "x", done: false },
      { type: "appendLog", epoch, previous: logStart, entries: [], acked: 0, trim: 0 },
    ];
    await withLies(sim, () => sendCopies(sim, (epoch) => [...orders(epoch), ...orders(epoch + 1)]));
  });
});

Deno.test("an owner listens to nodes that can have copies, and to each of its own store only", async () => {
  await simulate(options, async (sim) => {
    const store = { address: hostile(sim).address, store: 7 };
    const last = { epoch: 1, index: 1_000_000, chain: 1 };
    await withLies(sim, () =>
      sendCopies(sim, (epoch) => [
        { type: "epochRefused", epoch, promised: epoch + 1 },
        {
          type: "epochPromised",
          epoch,
          store,
          copy: {
            config: { version: [epoch, 1_000], inSync: [store], minAcks: 0 },
            last,
            acked: 0,
            generation: 0,
          },
          bootstrap: { stores: [], closed: true },
        },
      ]));
  });
});

Deno.test("the coordinator believes what the owner of a shard says of it, and no other member", async () => {
  await simulate(options, async (sim) => {
    const { address } = hostile(sim);
    const inSync = [{ address, store: 7 }];
    await withLies(sim, () => {
      const shards = [...epochs(sim)];
      sendControl(sim, [
        {
          type: "shardStatuses",
          shardType,
          shards: shards.map(([shard, epoch]) => ({
            shard,
            epoch: epoch + 1,
            phase: "open",
            config: { version: [epoch + 1, 9], inSync, minAcks: 0 },
            replicas: [],
            lagging: honest(sim).map((node) => node.address),
          })),
        },
        ...shards.map(([shard, epoch]): ControlMessage => ({
          type: "moveOwner",
          shardType,
          shard,
          epoch,
          to: address,
          above: epoch + 1_000,
        })),
      ]);
    });
    // The node that is lost is replaced, as if nothing had been said.
    sim.inject({ type: "crash", at: 0, node: sim.nodes[1]!.name });
    await sim.until(() => !sim.nodes[1]!.alive);
    await sim.until(() => epochs(sim).size === Diaries.numShards, { limit: 30_000 });
    assert(honest(sim).some((node) => node.alive));
  });
});

Deno.test("that no shard begins any more is said by the coordinator, and by no other member", async () => {
  await simulate({ ...options, setup: () => {} }, async (sim) => {
    await sim.until(() => sim.nodes.every(({ status }) => status === "up"));
    const lie = () =>
      sendControl(
        sim,
        [true, false].map((closed): ControlMessage => ({
          type: "announceType",
          shardType,
          runs: false,
          retiring: false,
          record: closed
            ? { stores: [], closed }
            : { stores: [{ address: "node-9:25520", store: 7 }], closed },
          isAnswer: true,
        })),
      );
    for (const node of honest(sim)) copies()(node);
    for (let times = 0; times < 100 && !isWhole(sim); times++) {
      lie();
      await sim.sleep(100);
    }
    await sim.until(() => isWhole(sim), { what: "all shards have begun", limit: 5_000 });
  });
});
