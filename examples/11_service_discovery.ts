/**
 * Service discovery: users of a chat run on three nodes and register under one key; a room hears who
 * comes and goes, and reaches all of them.
 *
 *     deno run -A examples/11_service_discovery.ts
 *
 * All nodes run in this process and without TLS, to keep it short: that is for trials on loopback.
 *
 * @module
 */
import { Behaviors, ClusteredActorSystem, ServiceKey, silentLogger } from "@casty/casty";

const users = ServiceKey<string>("users");
const read: string[] = [];

const user = (name: string) =>
  Behaviors.discoverable(
    Behaviors.receive<string>((_context, text) => {
      if (text === "leave") return Behaviors.stopped();
      read.push(`${name} reads: ${text}`);
      return Behaviors.same();
    }),
    users,
  );

async function start(...seedNodes: string[]): Promise<ClusteredActorSystem> {
  return await ClusteredActorSystem.start({
    name: "chat",
    host: "127.0.0.1",
    port: 0,
    seedNodes,
    logger: silentLogger,
  });
}

async function until(what: string, done: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!done()) {
    if (performance.now() > end) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const first = await start();
const nodes = [first, await start(first.address), await start(first.address)];
await Promise.all(nodes.map((node) => node.waitFor(nodes.length)));

let present: string[] = [];
first.receptionist.subscribe(users, (refs) => {
  present = refs.map(({ path }) => path.slice(1)).sort();
});

const [, ben] = ["ann", "ben", "cleo"].map((name, at) => nodes[at]!.spawn(user(name), name));
await until("three users", () => present.length === 3);
console.log(`present: ${present.join(", ")}`);

for (const ref of first.receptionist.find(users)) ref.tell("welcome");
await until("all have read it", () => read.length === 3);
console.log(read.sort().join("\n"));

ben!.tell("leave");
await until("ben has left", () => present.length === 2);
console.log(`present: ${present.join(", ")}`);

await nodes[2]!.shutdown();
await until("the node of cleo has left", () => present.length === 1);
console.log(`present: ${present.join(", ")}`);

await nodes[1]!.shutdown();
await first.shutdown();
