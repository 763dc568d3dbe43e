import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../../lib/testkit/seeded_random.ts";
import {
  MemoryNetwork,
  type MemoryNetworkOptions,
} from "../../../lib/transport/memory/memory_network.ts";
import { dial, type End, pattern, Server } from "./links.ts";

interface World {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
}

function world(options: Partial<MemoryNetworkOptions> = {}): World {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const latency = { min: 5, max: 5 };
  return { clock, network: new MemoryNetwork({ clock, random, latency, ...options }) };
}

async function connected({ clock, network }: World): Promise<{ server: Server; a: End; b: End }> {
  const server = await Server.start(network.host("b"));
  const a = await clock.resolve(dial(network.host("a"), server.port, { host: "b" }));
  return { server, a, b: await server.end() };
}

Deno.test("memory: a cut of one direction leaves the other as it was, and is counted", async () => {
  const here = world();
  const { a, b } = await connected(here);
  here.network.cut("a", "b");
  here.network.cut("a", "b");
  a.link.write(pattern(10), () => {});
  b.link.write(pattern(20), () => {});
  await here.clock.advance(100);
  assertEquals([a.received, b.received], [20, 0]);
  here.network.mend("a", "b");
  await here.clock.advance(100);
  assert(here.network.isCut("a", "b") && !here.network.isCut("b", "a"));
  assertEquals(b.received, 0);
  here.network.mend("a", "b");
  await here.clock.advance(100);
  assertEquals(b.received, 10);
});

Deno.test("memory: travel times are what they are made, and order stays", async () => {
  let late = true;
  const here = world({
    socketBuffer: 1_000,
    travel: (from, _to, drawn) => from === "a" && late ? drawn + 500 : drawn,
  });
  const { a, b } = await connected(here);
  a.link.write(pattern(3, 1), () => {});
  await here.clock.advance(1);
  late = false;
  a.link.write(pattern(4, 2), () => {});
  await here.clock.advance(400);
  assertEquals(b.received, 0);
  await here.clock.advance(200);
  assertEquals(b.chunks, [pattern(3, 1), pattern(4, 2)]);
});

Deno.test("memory: sockets take what fits into their buffers, and the writer's memory is its own", async () => {
  const here = world({ socketBuffer: 100 });
  const { a, b } = await connected(here);
  b.link.pause();
  const bytes = pattern(60);
  let done = 0;
  a.link.write(bytes, () => done++);
  await here.clock.advance(1);
  assertEquals(done, 1);
  bytes.fill(0);
  a.link.write(pattern(60, 2), () => done++);
  await here.clock.advance(1_000);
  assertEquals(done, 1);
  b.link.resume();
  await here.clock.advance(1);
  assertEquals(done, 2);
  assertEquals(b.chunks, [pattern(60), pattern(60, 2)]);
});

Deno.test("memory: a reset ends both ends with an error, at once or in the middle of some bytes", async () => {
  const now = world();
  const first = await connected(now);
  now.network.reset("a", "b");
  await now.clock.advance(10);
  assertEquals([first.a.closed, first.b.closed], [1, 1]);
  assert(first.a.error !== undefined && first.b.error !== undefined);

  const later = world();
  const second = await connected(later);
  later.network.reset("a", "b", { inMidstream: true });
  await later.clock.advance(1_000);
  assertEquals([second.a.closed, second.b.closed], [0, 0]);
  second.a.link.write(pattern(100), () => {});
  await later.clock.advance(20);
  assertEquals(second.b.received, 50);
  assertEquals([second.a.closed, second.b.closed], [1, 1]);
});

Deno.test("memory: a restarted host resets the connections of its earlier incarnation", async () => {
  const here = world();
  const { a } = await connected(here);
  here.network.crash("b", { silently: true });
  assert(!here.network.answers("b"));
  a.link.write(pattern(10), () => {});
  await here.clock.advance(1_000);
  assertEquals(a.closed, 0);
  here.network.host("b");
  assert(here.network.answers("b"));
  await here.clock.advance(1_000);
  assertEquals(a.closed, 0);

  const there = world({ socketBuffer: 1_000 });
  const { a: other } = await connected(there);
  there.network.crash("b", { silently: true });
  there.network.host("b");
  other.link.write(pattern(10), () => {});
  await there.clock.advance(10);
  assertEquals(other.closed, 1);
  assert(other.error !== undefined);
});

Deno.test("memory: what a host is not ready for waits until it is", async () => {
  const here = world();
  let waiting: (() => void)[] | undefined = undefined as (() => void)[] | undefined;
  const enter = (take: () => void) => waiting === undefined ? take() : void waiting.push(take);
  here.network.host("b", { enter });
  const { a, b } = await connected(here);
  waiting = [];
  a.link.write(pattern(10), () => {});
  let carried = false;
  here.network.carry("a", "b", () => carried = true);
  await here.clock.advance(100);
  assertEquals([b.received, waiting.length, carried], [0, 1, true]);
  for (const take of waiting.splice(0)) take();
  assertEquals(b.received, 10);
});
