import { assertEquals } from "@std/assert";
import { connectionLost, endedByFarEnd } from "../../lib/transport/base/socket_errors.ts";
import { type Station, World } from "./endpoints.ts";

async function connected(world: World): Promise<{ a: Station; b: Station }> {
  const a = await world.start("a");
  const b = await world.start("b");
  a.send("b:25520", "hello");
  a.send("b:25520", "beat", "control");
  await world.clock.runUntil(() => b.heard.length === 2);
  return { a, b };
}

const isDown = ({ events }: Station) => events.filter((one) => one.startsWith("down")).length === 2;

Deno.test("a host that crashes cuts its connections: its system ends them", async () => {
  await using world = new World();
  const { a } = await connected(world);
  world.network.crash("b");
  await world.clock.runUntil(() => isDown(a));
  assertEquals(a.cutOff.toSorted(), ["b:25520 control", "b:25520 user"]);
  assertEquals(a.endpoint.isConnected("b:25520"), false);
});

Deno.test("a connection that is closed in order, by either end, is not cut", async () => {
  await using world = new World();
  const { a, b } = await connected(world);
  b.endpoint.disconnect("a:25520", "it has had enough");
  await world.clock.runUntil(() => isDown(a) && isDown(b));
  assertEquals([a.cutOff, b.cutOff], [[], []]);
});

Deno.test("a connection that this end gives up for want of an answer is not cut", async () => {
  await using world = new World();
  const { a } = await connected(world);
  world.network.crash("b", { silently: true });
  await world.clock.runUntil(() => isDown(a));
  assertEquals(a.cutOff, []);
});

Deno.test("an end for want of an answer of the network is none that the far end has made", () => {
  const lost = (code?: string) => connectionLost("b:1", Object.assign(new Error("x"), { code }));
  assertEquals(endedByFarEnd(undefined), true);
  assertEquals(["ECONNRESET", "EPIPE", undefined].map((code) => endedByFarEnd(lost(code))), [
    true,
    true,
    true,
  ]);
  for (const code of ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "EHOSTDOWN"]) {
    assertEquals(endedByFarEnd(lost(code)), false, code);
  }
  // A fault of the owner of the link.
  assertEquals(endedByFarEnd(new Error("a handler threw")), false);
});
