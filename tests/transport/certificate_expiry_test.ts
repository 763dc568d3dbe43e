import { assert, assertEquals } from "@std/assert";
import type { PeerIdentity } from "../../lib/runtime/network.ts";
import { judgeExpiry } from "../../lib/transport/endpoint/certificate_expiry.ts";
import { World } from "./endpoints.ts";

const hour = 3_600_000;

/** What is decided from the opening to the end, as `"<seconds left> <verdict>"`. */
function life(lifetime: number, { dialled = true, grace = 0, spread = 0 } = {}): string[] {
  const log: string[] = [];
  for (let now = 0, isNew = true;; isNew = false) {
    const verdict = judgeExpiry({ validUntil: lifetime, grace, dialled, spread }, now, isNew);
    if (verdict.type !== "wait") {
      log.push(`${Math.round((lifetime - now) / 1_000)} ${verdict.type}`);
    }
    if (verdict.type === "end") return log;
    assert(verdict.delay >= 1 && verdict.delay <= hour, String(verdict.delay));
    now += verdict.delay;
  }
}

Deno.test("expiry: the end that has dialled replaces a connection before it ends, the other waits", () => {
  const attempts = ["60 renew", "30 renew", "15 renew", "8 renew", "4 renew", "0 end"];
  assertEquals(life(24 * hour), attempts);
  assertEquals(life(24 * hour, { spread: 0.5 })[0], "90 renew");
  assertEquals(life(24 * hour, { dialled: false }), ["0 end"]);
  assertEquals(life(24 * hour, { dialled: false, grace: 5_000 }), ["-5 end"]);
  // A new connection that ends as soon as the old one is not replaced at once.
  assertEquals(life(40_000), ["20 renew", "10 renew", "5 renew", "3 renew", "0 end"]);
});

/** A certificate that is valid for so many milliseconds from the start of the world. */
function certificate(world: World, kind: "node" | "client", host: string, ms: number) {
  const facts = { name: host, hosts: [host], fingerprint: "" };
  return { kind, ...facts, notAfter: world.clock.wallTime() + ms } as PeerIdentity;
}

for (const late of ["node", "client"] as const) {
  Deno.test(`expiry: a connection ends when the certificate of its ${late} expires`, async () => {
    await using world = new World(1, { min: 1, max: 1 });
    const of = (kind: "node" | "client", host: string) =>
      certificate(world, kind, host, kind === late ? 60_000 : hour);
    const a = await world.start("a", { identity: of("node", "a") });
    const c = await world.start("c", { role: "client", identity: of("client", "c") });
    c.send("a:25520", "early");
    await world.clock.advance(59_900);
    assertEquals(a.endpoint.peers().length, 1);
    await world.clock.advance(200);
    assertEquals([a.endpoint.peers().length, c.endpoint.peers().length], [0, 0]);
    assert(/has expired/.test(a.events.at(-1)!), a.events.at(-1));
    assert(/has expired/.test(c.events.at(-1)!), c.events.at(-1));
  });
}

Deno.test("expiry: graceAfterExpiry lets a connection live on", async () => {
  await using world = new World(1, { min: 1, max: 1 });
  const limits = { graceAfterExpiry: 30_000 };
  const a = await world.start("a", { identity: certificate(world, "node", "a", 60_000), limits });
  const b = await world.start("b", { identity: certificate(world, "node", "b", hour), limits });
  b.send("a:25520", "early");
  await world.clock.advance(80_000);
  assertEquals(a.endpoint.peers().length, 1);
  await world.clock.advance(11_000);
  assertEquals(a.endpoint.peers().length, 0);
});

for (const renewed of ["a", "b"]) {
  Deno.test(`expiry: with a new certificate of ${renewed} a connection goes on, and loses nothing`, async () => {
    await using world = new World(1, { min: 1, max: 1 });
    const minutes = (host: string, ms: number) => {
      world.network.host(host, { identity: certificate(world, "node", host, ms) });
    };
    const a = await world.start("a", { identity: certificate(world, "node", "a", 10 * hour) });
    const b = await world.start("b", { identity: certificate(world, "node", "b", 10 * hour) });
    minutes(renewed, 300_000);
    b.send("a:25520", "0");
    await world.clock.advance(150_000);
    // Renewed in time, while the connection has the old one.
    minutes(renewed, 2 * hour);
    for (let i = 1; i <= 400; i++) {
      b.send("a:25520", String(i));
      a.send("b:25520", String(i));
      await world.clock.advance(1_000);
    }
    assertEquals(a.texts, Array.from({ length: 401 }, (_, i) => String(i)));
    assertEquals(b.texts, Array.from({ length: 400 }, (_, i) => String(i + 1)));
    assertEquals([...a.dropped, ...b.dropped], []);
    assertEquals([...a.unreachable, ...b.unreachable], []);
    assertEquals(a.endpoint.peers().length, 1);
  });
}
