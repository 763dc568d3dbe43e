import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { World } from "./endpoints.ts";

const texts = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

Deno.test("succession: a connection that is replaced flushes first, then the new one takes over", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.nat(20),
      fc.integer({ min: 0, max: 400 }),
      async (seed, delay, count) => {
        await using world = new World(seed, { min: 1, max: 10 });
        const b = await world.start("b", { limits: { window: 1_000 } });
        // Two names for one peer: dialling the second makes a second connection.
        const a = await world.start("a", {
          addressMap: { "tunnel:1": "b:25520" },
          limits: { window: 1_000 },
        });
        const forth = texts("forth", count);
        const back = texts("back", count);
        a.send("b:25520", "first");
        await world.clock.runUntil(() => b.heard.length === 1);
        for (const text of forth) a.send("b:25520", text);
        for (const text of back) b.send("a:25520", text);
        a.send("tunnel:1", "over the other name");
        for (let i = 0; i < 20; i++) {
          await world.clock.advance(delay);
          forth.push(`late${i}`);
          a.send("b:25520", `late${i}`);
          back.push(`late${i}`);
          b.send("a:25520", `late${i}`);
        }
        await world.clock.runUntil(() =>
          b.heard.length >= forth.length + 2 && a.heard.length >= back.length
        );
        await world.clock.advance(5_000);
        assertEquals(b.texts.filter((text) => !text.includes(" ")).slice(1), forth);
        assertEquals(a.texts, back);
        assertEquals([a.dropped, b.dropped], [[], []]);
        assertEquals([a.endpoint.peers().length, b.endpoint.peers().length], [1, 1]);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("succession: a client that comes back at once takes over its own address, in order", async () => {
  await using world = new World();
  const node = await world.start("a");
  const client = await world.start("c1", { role: "client" });
  client.send("a:25520", "here");
  await world.clock.runUntil(() => node.heard.length === 1);
  world.network.crash("c1", { silently: true });
  const again = await world.start("c1", { role: "client", incarnation: 2 });
  again.send("a:25520", "again");
  await world.clock.runUntil(() => node.heard.length === 2);
  for (const text of texts("m", 5)) node.send("client:c1", text);
  await world.clock.runUntil(() => again.heard.length === 5);
  assertEquals(again.texts, texts("m", 5));
  assertEquals(node.endpoint.peers().map(({ incarnation }) => incarnation), [2]);
});

Deno.test("succession: messages that an earlier incarnation did not read are lost, not sent to the later", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  b.send("a:25520", "first life");
  await world.clock.runUntil(() => a.heard.length === 1);
  world.network.crash("b", { silently: true });
  a.send("b:25520", "to the first");
  await world.clock.advance(0);
  const again = await world.start("b", { incarnation: 2 });
  again.send("a:25520", "second life");
  await world.clock.runUntil(() => a.heard.length === 2);
  a.send("b:25520", "to the second");
  await world.clock.runUntil(() => again.heard.length === 1);
  assertEquals(again.texts, ["to the second"]);
  assertEquals(a.dropped, ["b:25520 disconnected to the first"]);
});

Deno.test("succession: an orderly close reports exactly the messages that were not read", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(30), fc.boolean(), async (seed, delay, aCloses) => {
      await using world = new World(seed, { min: 1, max: 10 });
      const a = await world.start("a", { limits: { window: 500 } });
      const b = await world.start("b", { limits: { window: 500 } });
      a.send("b:25520", "m0");
      await world.clock.runUntil(() => b.heard.length === 1);
      for (let i = 1; i < 200; i++) a.send("b:25520", `m${i}`);
      await world.clock.advance(delay);
      if (aCloses) a.endpoint.disconnect("b:25520", "over");
      else b.endpoint.disconnect("a:25520", "over");
      await world.clock.advance(5_000);
      const lost = a.dropped.map((line) => line.split(" ").at(-1)!);
      assertEquals([...b.texts, ...lost], texts("m", 200));
      if (aCloses) assertEquals(lost, []);
    }),
    { numRuns: 60 },
  );
});

Deno.test("endpoint: close gives up dials in progress and waits for them", async () => {
  await using world = new World();
  const a = await world.start("a");
  await world.start("b");
  world.network.partition("a", "b");
  a.send("b:25520", "never");
  await world.clock.advance(10);
  const before = world.clock.now();
  await world.clock.resolve(a.endpoint.close());
  assert(world.clock.now() - before < 100);
  assertEquals(a.dropped, ["b:25520 disconnected never"]);
});

Deno.test("endpoint: addresses that are idle are forgotten, and their number is bounded", async () => {
  await using world = new World();
  const a = await world.start("a", { limits: { maxAddresses: 200, maxBackoff: 500 } });
  for (let i = 0; i < 1_000; i++) {
    a.send(`nobody-${i}:1`, "hello");
    await world.clock.advance(20);
  }
  const reasons = new Set(a.dropped.map((line) => line.split(" ")[1]));
  assertEquals(a.dropped.length, 1_000);
  assertEquals(reasons, new Set(["disconnected"]));
  // All at once, they cannot be forgotten.
  a.dropped.length = 0;
  for (let i = 0; i < 300; i++) a.send(`at-once-${i}:1`, "hello");
  const full = a.dropped.filter((line) => line.includes("queueFull")).length;
  assert(full >= 100 && full < 300, `${full}`);
  await world.clock.advance(5_000);
});

Deno.test("endpoint: drained resolves at once, when half has gone, and when the link has", async () => {
  await using world = new World();
  const limits = { maxQueuedMessages: 100, window: 300 };
  const a = await world.start("a", { limits });
  const b = await world.start("b", { limits });
  let resolved = 0;
  const drain = () => void a.endpoint.drained("b:25520").then(() => resolved++);
  drain();
  await world.clock.advance(0);
  assertEquals(resolved, 1);
  // While it is dialled, too.
  for (const text of texts("m", 60)) a.send("b:25520", text);
  assertEquals(a.endpoint.queued("b:25520").messages, 60);
  drain();
  await world.clock.advance(0);
  assertEquals(resolved, 1);
  await world.clock.runUntil(() => resolved === 2);
  assert(a.endpoint.queued("b:25520").messages < 50);
  await world.clock.runUntil(() => b.heard.length === 60);
  // Until b has told what it has read.
  await world.clock.advance(200);
  world.network.partition("a", "b");
  a.send("b:25520", "under way");
  await world.clock.advance(0);
  for (const text of texts("n", 150)) a.send("b:25520", text);
  drain();
  drain();
  await world.clock.advance(1_000);
  assertEquals(resolved, 2);
  await world.clock.runUntil(() => resolved === 4);
  assertEquals(a.endpoint.queued("b:25520"), { messages: 0, bytes: 0 });
  const count = (reason: string) => a.dropped.filter((line) => line.includes(reason)).length;
  assertEquals(count("queueFull") + count("disconnected"), 151);
});
