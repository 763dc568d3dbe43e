/** A node hears of the owner of a shard before it hears that the owner is a member. */
import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import { regionPath, shardingPath } from "../../lib/sharding/routing/protocol.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const shardType = "lists";
const numShards = 8;
/** More than one node sends about one shard in ten seconds. */
const tooMany = 1_000;

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly message: unknown;
}

/** What the nodes send while `test` runs. */
async function watchSends(test: (sent: readonly Sent[]) => Promise<void>): Promise<void> {
  const sent: Sent[] = [];
  const { send } = Remoting.prototype;
  Remoting.prototype.send = function (this: Remoting, to, path, uid, message, deadline) {
    // It would not end: no virtual time passes.
    if (sent.length < tooMany) send.call(this, to, path, uid, message, deadline);
    if (path === shardingPath || path === regionPath(shardType)) {
      sent.push({ from: this.address, to, path, message });
    }
  };
  try {
    await test(sent);
  } finally {
    Remoting.prototype.send = send;
  }
}

Deno.test("a marker for an owner that is no member yet is not sent without end", async () => {
  await watchSends(async (sent) => {
    const cluster = new SimulatedCluster(1);
    const nodes = await cluster.start(3);
    for (const node of nodes) {
      node.spawn(Behaviors.sharded(() => Behaviors.ignore(), { numShards }), shardType);
    }
    const [coordinator, former, owner] = nodes.map(({ address }) => address) as string[];
    // A shard that the former owner does not have, and its epoch.
    const granted = () =>
      sent.filter(({ to }) => to === owner)
        .map(({ message }) => message as Record<string, unknown>)
        .find(({ type, ...about }) => type === "startShard" && about.shardType === shardType);
    assert(await cluster.clock.advanceUntil(() => granted() !== undefined, 60_000));
    await cluster.clock.advance(1_000);
    const { shard, epoch } = granted() as { shard: number; epoch: number };
    const { remoting } = nodeInternalsOf(nodes[0]!)!;
    const next = "late:25520";
    // What was sent before has arrived; the marker behind it waits until the next owner is known.
    const marker = [shard, epoch + 2, next, coordinator!, epoch + 1];
    remoting.send(former!, regionPath(shardType), 0, marker);
    const location = { type: "location", shardType, shard, owner: next, incarnation: 1 };
    remoting.send(former!, shardingPath, 0, { ...location, epoch: epoch + 2 });
    const before = sent.length;
    await cluster.clock.advance(10_000);
    const markers = sent.slice(before).filter(({ from, to }) => from === former && to === next);
    assert(markers.length > 0, "the marker was never sent on");
    assert(markers.length < 20, `${markers.length} were sent to a node that is no member`);
    assert(sent.length < tooMany, `${sent.length} messages were sent`);
    // The shard is at work for others as before.
    assertEquals(nodes.map((node) => nodeInternalsOf(node)!.view.converged), [true, true, true]);
    await cluster.stop(nodes);
  });
});
