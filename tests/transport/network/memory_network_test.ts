import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { NodeIdentity } from "../../../lib/runtime/network.ts";
import { ManualClock } from "../../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../../lib/testkit/seeded_random.ts";
import { TransportError } from "../../../lib/transport/base/errors.ts";
import { MemoryNetwork } from "../../../lib/transport/memory/memory_network.ts";
import { dial, type End, pattern, Server } from "./links.ts";

interface World {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly lines: string[];
}

function world(seed = 1, latency = { min: 1, max: 5 }): World {
  const clock = new ManualClock();
  const lines: string[] = [];
  const trace = (line: string) => void lines.push(line);
  const random = new SeededRandom(seed);
  return { clock, lines, network: new MemoryNetwork({ clock, random, latency, trace }) };
}

async function connected({ clock, network }: World): Promise<{ server: Server; a: End; b: End }> {
  const server = await Server.start(network.host("b"));
  const a = await clock.resolve(dial(network.host("a"), server.port, { host: "b" }));
  return { server, a, b: await server.end() };
}

async function story(seed: number): Promise<string[]> {
  const here = world(seed);
  const { a, b } = await connected(here);
  a.link.write(pattern(1000), () => a.link.write(pattern(10), () => a.link.close()));
  b.link.write(pattern(70_000, 2), () => {});
  await here.clock.runUntil(() => a.closed + b.closed === 2);
  await assertRejects(() => here.clock.resolve(dial(here.network.host("c"), 1, { host: "b" })));
  return here.lines;
}

Deno.test("memory: one seed gives one history, another seed another", async () => {
  const first = await story(1);
  assertEquals(await story(1), first);
  assert((await story(2)).join() !== first.join());
  const events = first.map((line) => line.split(" ").slice(1, 5).join(" "));
  assertEquals(events.filter((event) => !event.endsWith("data")), [
    "a:50000 > b:20000 dial",
    "b:20000 > a:50000 accept",
    "a:50000 > b:20000 end",
    "b:20000 > a:50000 end",
    "c:50000 > b:1 dial",
    "b:1 > c:50000 refuse",
  ]);
  assert(first.some((line) => /^\d+\.\d{3} a:50000 > b:20000 data 1000 [0-9a-f]{8}$/.test(line)));
});

Deno.test("memory: any writes arrive in order and whole, whatever the latency", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 0, maxLength: 50 }), { maxLength: 20 }),
      fc.nat(),
      fc.nat(50),
      async (writes, seed, spread) => {
        const here = world(seed, { min: 0, max: spread });
        const { a, b } = await connected(here);
        const expected = writes.flatMap((bytes) => [...bytes]);
        const next = (index: number) => {
          if (index === writes.length) a.link.close();
          else a.link.write(writes[index]!, () => next(index + 1));
        };
        next(0);
        await here.clock.runUntil(() => b.closed === 1);
        assertEquals(b.chunks.flatMap((chunk) => [...chunk]), expected);
        assertEquals(b.error, undefined);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("memory: a dial without a listener is refused after the latency", async () => {
  const { clock, network } = world();
  const host = network.host("a");
  const error = await assertRejects(
    () => clock.resolve(dial(host, 9, { host: "nowhere" })),
    TransportError,
  );
  assertEquals(error.code, "connectionRefused");
  assert(clock.now() >= 2);
});

Deno.test("memory: a port that is taken is refused, port 0 finds another", async () => {
  const { network } = world();
  const host = network.host("a");
  const first = await Server.start(host);
  const second = await Server.start(host);
  assertEquals([first.port, second.port], [20_000, 20_001]);
  const options = {
    host: "a",
    port: first.port,
    handshakeTimeout: 1,
    maxPendingHandshakes: 1,
    onLink: () => {},
    onRefused: () => {},
  };
  const error = await assertRejects(() => host.listen(options), TransportError);
  assertEquals(error.code, "addressInUse");
  await first.close();
  assertEquals((await host.listen(options)).port, first.port);
});

Deno.test("memory: a paused reader keeps the writer's `done` back", async () => {
  const here = world();
  const { a, b } = await connected(here);
  b.link.pause();
  let done = false;
  a.link.write(pattern(10), () => done = true);
  await here.clock.advance(1_000);
  assertEquals([done, b.received], [false, 0]);
  b.link.resume();
  await here.clock.runUntil(() => done);
  assertEquals(b.received, 10);
});

Deno.test("memory: behind a partition nothing arrives, after it everything in order", async () => {
  const here = world();
  const { a, b } = await connected(here);
  here.network.partition("a", ["b", "c"]);
  let done = 0;
  a.link.write(pattern(10, 1), () => {
    done++;
    a.link.write(pattern(10, 2), () => done++);
  });
  await here.clock.advance(60_000);
  assertEquals([done, b.received, b.closed], [0, 0, 0]);
  here.network.heal();
  await here.clock.runUntil(() => done === 2);
  assertEquals(b.chunks, [pattern(10, 1), pattern(10, 2)]);
});

Deno.test("memory: a dial into a partition takes its timeout, and leaves nothing behind", async () => {
  const { clock, network } = world();
  const server = await Server.start(network.host("b"));
  network.partition("a", "b");
  const error = await assertRejects(
    () => clock.resolve(dial(network.host("a"), server.port, { host: "b", timeout: 500 })),
    TransportError,
  );
  assertEquals([error.code, clock.now()], ["connectTimeout", 500]);
  network.heal();
  await clock.advance(1_000);
  assertEquals(server.ends.length, 0);
});

Deno.test("memory: a crash resets the peers' links and calls nothing on the crashed host", async () => {
  const here = world();
  const { server, a, b } = await connected(here);
  here.network.crash("b");
  await here.clock.runUntil(() => a.closed === 1);
  assert(a.error instanceof TransportError && a.error.code === "connectionLost");
  assertEquals(b.closed, 0);
  const refused = () =>
    here.clock.resolve(dial(here.network.host("a"), server.port, { host: "b" }));
  assertEquals((await assertRejects(refused, TransportError)).code, "connectionRefused");
  const restarted = await Server.start(here.network.host("b"));
  const again = await here.clock.resolve(
    dial(here.network.host("a"), restarted.port, { host: "b" }),
  );
  assertEquals(again.link.remote, `b:${restarted.port}`);
});

Deno.test("memory: a silent crash is invisible to peers", async () => {
  const here = world();
  const { a } = await connected(here);
  here.network.crash("b", { silently: true });
  a.link.write(pattern(1), () => assert(false, "nobody took it"));
  await here.clock.advance(60_000);
  assertEquals(a.closed, 0);
  const dialled = here.clock.resolve(dial(here.network.host("a"), 1, { host: "b", timeout: 100 }));
  assertEquals((await assertRejects(() => dialled, TransportError)).code, "connectTimeout");
});

Deno.test("memory: a destroyed link is a lost connection for the far end", async () => {
  const here = world();
  const { a, b } = await connected(here);
  a.link.write(pattern(100), () => {});
  a.link.destroy();
  assertEquals(a.closed, 0);
  await here.clock.runUntil(() => a.closed + b.closed === 2);
  assertEquals([a.error, b.received], [undefined, 0]);
  assert(b.error instanceof TransportError);
  assertEquals(here.clock.pending, 0);
});

Deno.test("memory: a link that is closed towards a silent peer ends by itself", async () => {
  const here = world();
  const { a } = await connected(here);
  here.network.crash("b", { silently: true });
  a.link.close();
  await here.clock.runUntil(() => a.closed === 1);
  assertEquals(a.error, undefined);
});

Deno.test("memory: hosts have the configured identity", async () => {
  const { clock, network } = world();
  const identity: NodeIdentity = {
    kind: "node",
    name: "b",
    hosts: ["b"],
    fingerprint: "00",
    notAfter: 1e15,
  };
  const server = await Server.start(network.host("b", { identity }));
  const client = network.host("a", { identity: { ...identity, kind: "client", name: "a" } });
  const link = await clock.resolve(dial(client, server.port, { host: "b", serverName: "b" }));
  assertEquals(link.link.identity, identity);
  assertEquals((await server.end()).link.identity.kind, "client");
  const error = await assertRejects(
    () => clock.resolve(dial(client, server.port, { host: "b", serverName: "other" })),
    TransportError,
  );
  assertEquals(error.code, "wrongServerName");
});
