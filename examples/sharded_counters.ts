/**
 * A rolling restart of three nodes with sharded counters under continuous asks. Remembered counters
 * start again on their new node without a message, and load their stored value.
 *
 *     deno run -A examples/sharded_counters.ts
 *
 * All nodes run in this process, to keep the example short; separate processes would behave the
 * same.
 *
 * @module
 */
import { type ActorRef, Behaviors, ClusteredActorSystem, entityType } from "@casty/casty";

type Counter = { type: "increment"; replyTo: ActorRef<number> };

const Counters = entityType<Counter>("counters", { numShards: 12 });
const ids = Array.from({ length: 24 }, (_, index) => `counter-${index}`);

/** Stands for a database: an entity that has moved loads its state from it. */
const stored = new Map<string, number>();

const counter = Behaviors.sharded(Counters, (id) => {
  let count = stored.get(id) ?? 0;
  return Behaviors.receive<Counter>((_context, { replyTo }) => {
    stored.set(id, ++count);
    replyTo.tell(count);
    return Behaviors.same();
  });
}, { rememberEntities: { batch: 50 } });

async function start(
  port: number,
  seedNodes: readonly string[],
): Promise<ClusteredActorSystem> {
  const system = await ClusteredActorSystem.start({
    name: "counters",
    host: "127.0.0.1",
    port,
    seedNodes,
  });
  system.spawn(counter);
  return system;
}

const running = (nodes: readonly ClusteredActorSystem[]) =>
  nodes.flatMap((system) => system.sharding.runningEntities("counters")).length;

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const first = await start(0, []);
const nodes = [first];
while (nodes.length < 3) nodes.push(await start(0, [first.address]));
const addresses = nodes.map(({ address }) => address);
await Promise.all(nodes.map((system) => system.waitFor(nodes.length)));

// Asks go through a node that is not being restarted, until `asking` is false.
let through = nodes[2]!;
let asking = true;
let answered = 0;
let longest = 0;
const asker = async (own: readonly string[]) => {
  for (let n = 0; asking; n++) {
    const begun = performance.now();
    const counter = through.entity(Counters, own[n % own.length]!);
    await counter.ask((replyTo) => ({ type: "increment", replyTo }));
    answered++;
    longest = Math.max(longest, performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};
const askers = [0, 1, 2, 3].map((part) => asker(ids.filter((_, index) => index % 4 === part)));
await until(() => running(nodes) === ids.length);
console.log(`${ids.length} counters run on ${nodes.length} nodes`);

for (const [index, address] of addresses.entries()) {
  through = nodes[(index + 1) % nodes.length]!;
  // Wait for the replies of asks through this node.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await nodes[index]!.shutdown();
  const others = nodes.filter((_, other) => other !== index);
  await until(() => running(others) === ids.length);
  console.log(`node ${index + 1} has left; all ${ids.length} counters run on the others`);
  const seeds = addresses.filter((other) => other !== address);
  nodes[index] = await start(Number(address.split(":")[1]), seeds);
  await Promise.all(nodes.map((system) => system.waitFor(nodes.length)));
}

asking = false;
await Promise.all(askers);
const total = [...stored.values()].reduce((sum, count) => sum + count, 0);
console.log(`${answered} asks were answered, none failed; the counters total ${total}`);
console.log(`longest ask: ${Math.round(longest)} ms`);
await Promise.all(nodes.map((system) => system.shutdown()));
