/** What one client may not do to the structures of others. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { DistributedOptions } from "../../lib/distributed/distributed_extension.ts";
import { DistributedError } from "../../lib/distributed/errors.ts";
import { structureType } from "../../lib/distributed/structure_protocol.ts";
import type { StructureReply } from "../../lib/distributed/structure_reply.ts";
import { memoryJournal } from "../../lib/persistence/memory_journal.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** A client that sends to structures of two nodes what it likes. */
async function hostile(
  options: DistributedOptions,
  test: (world: {
    readonly cluster: SimulatedCluster;
    readonly node: ReturnType<
      Awaited<ReturnType<SimulatedCluster["start"]>>[number]["distributed"]
    >;
    readonly system: Awaited<ReturnType<SimulatedCluster["start"]>>[number];
    readonly client: ClusterClient;
    readonly get: <T>(promise: Promise<T>) => Promise<T>;
    send(id: string, operation: unknown): Promise<StructureReply>;
  }) => Promise<void>,
): Promise<void> {
  const cluster = new SimulatedCluster(1);
  const get = <T>(promise: Promise<T>) => cluster.clock.resolve(promise);
  const nodes = await cluster.start(1);
  const [node] = nodes.map((node) => node.distributed(options));
  await cluster.clock.advance(1_000);
  const runtime = cluster.runtime("client");
  const client = await get(
    ClusterClient.connect({
      contactPoints: ["node-1:25520"],
      systemName: "sim",
      runtime,
      logger: runtime.logger,
    }),
  );
  const type = structureType("default");
  const send = (id: string, operation: unknown) =>
    get(
      client.entity(type, id).ask((replyTo: ActorRef<StructureReply>) => ({
        type: "operation",
        operation: operation as never,
        replyTo,
      }), { timeout: 1_000 }),
    );
  try {
    await test({ cluster, node: node!, system: nodes[0]!, client, get, send });
  } finally {
    await get(client.close());
    await cluster.stop(nodes);
  }
}

Deno.test("a client that may only read gets no reference with which it can do more", () =>
  hostile({ clients: () => "read" }, async ({ cluster, node, get, send }) => {
    const held = await get(node.lock("l").acquire());
    const reply = await send("lock|l", { type: "status" });
    assertEquals(reply.type, "done");
    if (reply.type === "done") {
      (reply.keeper as ActorRef<unknown> | undefined)?.tell({
        type: "operation",
        operation: { type: "destroy" },
      });
    }
    await cluster.clock.advance(2_000);
    assert(!held.lost.aborted);
    assertEquals(await get(node.lock("l").status()), { held: 1, waiting: 0 });
  }));

for (
  const [what, options] of Object.entries({ volatile: {}, durable: { journal: memoryJournal() } })
) {
  Deno.test(`what is no operation leaves no ${what} structure behind that nobody counts`, () =>
    hostile(options, async ({ cluster, system, client }) => {
      for (const kind of ["lock", "map"]) {
        for (let index = 0; index < 100; index++) {
          const ref = client.entity(structureType("default"), `${kind}|${index}`);
          ref.tell({ type: "operation", operation: { type: "nothing" } as never });
        }
      }
      await cluster.clock.advance(5_000);
      assertEquals(system.sharding.runningEntities("$distributed"), []);
    }));
}

Deno.test("what cannot be read is parked, and can be removed", () =>
  hostile({}, async ({ cluster, node, get, send }) => {
    const queue = node.queue("q");
    await send("queue|q", { type: "enqueue", value: new Uint8Array([0xc1]) });
    await get(queue.enqueue("next"));
    const error = await get(
      assertRejects(() => queue.reserve({ visibility: 1_000, maxTries: 1 }), DistributedError),
    );
    assertEquals(error.code, "badValue");
    assertEquals((await get(queue.reserve()))?.value, "next");
    await cluster.clock.advance(2_000);
    const parked = queue.parked();
    const { value: item } = await get(parked.next());
    assertThrows(() => item!.value, DistributedError);
    assertEquals(await get(item!.remove()), true);
    assertEquals((await get(parked.next())).done, true);
  }));

for (const [what, journal] of [["volatile", undefined], ["durable", memoryJournal()]] as const) {
  Deno.test(`one client fills the node with ${what} structures up to a bound only`, () => {
    const limits = { maxBytesPerIdentity: 100_000 };
    return hostile({ limits, ...(journal && { journal }) }, async ({ client, node, get }) => {
      const value = new Uint8Array(10_000);
      const own = client.distributed();
      const fill = async () => {
        let count = 0;
        for (let index = 0; index < 30; index++) {
          const name = `s${index}`;
          await get(own.queue(name).enqueue(value)).then(() => count++, (error: unknown) => {
            assert(error instanceof DistributedError && error.code === "structureFull");
          });
        }
        return count;
      };
      const count = await fill();
      assert(count >= 9 && count <= 10, `${count} values`);
      const error = await get(assertRejects(() => own.set("new").add("a"), DistributedError));
      assertEquals(error.code, "structureFull");
      assertEquals(await get(own.counter("c").increment()), 1);
      // What others have is their own, and what is removed makes room.
      await get(node.queue("of the node").enqueue(value));
      for (let index = 0; index < 9; index++) await get(own.queue(`s${index}`).dequeue());
      assert(await fill() >= 8);
    });
  });
}
