import { assert, assertEquals } from "@std/assert";
import { type ContactEffect, type ContactEvent, Contacts } from "../../lib/client/contacts.ts";

const timing = {
  contacts: 2,
  answerTimeout: 1_000,
  refreshInterval: 500,
  liveness: 2_000,
  minPause: 100,
  maxPause: 800,
};

/** Contacts, and their effects in short: `subscribe a`, `state connected`. */
class Scene {
  readonly contacts: Contacts;
  constructor(points: readonly string[], overrides: Partial<typeof timing> = {}) {
    this.contacts = new Contacts({ ...timing, ...overrides });
    this.first = this.step({ type: "points", addresses: points, random: 0 }, 0);
  }
  readonly first: readonly string[];

  step(event: ContactEvent, now: number): readonly string[] {
    return this.contacts.step(event, now).map(short);
  }
  answer(from: string, now: number, { asked = from, draining = false } = {}): readonly string[] {
    return this.step({ type: "answer", from, asked, draining }, now);
  }
  members(members: readonly string[], now: number): readonly string[] {
    return this.step({ type: "members", members }, now);
  }
  lost(address: string, now: number, random = 0): readonly string[] {
    return this.step({ type: "lost", address, random }, now);
  }
  tick(now: number, random = 0): readonly string[] {
    return this.step({ type: "tick", random }, now);
  }
}

function short(effect: ContactEffect): string {
  if (effect.type === "resolve") return "resolve";
  return effect.type === "state" ? `state ${effect.state}` : `${effect.type} ${effect.to}`;
}

Deno.test("two contact points are requested at once, and both subscriptions are kept", () => {
  const scene = new Scene(["a", "b", "c"]);
  assertEquals(scene.first, ["subscribe a", "subscribe b"]);
  assertEquals(scene.contacts.state, "connecting");
  assertEquals(scene.answer("b", 10), ["state degraded"]);
  assertEquals(scene.answer("a", 20), ["state connected"]);
  assertEquals(scene.contacts.subscribed, ["b", "a"]);
  assertEquals(scene.contacts.current, "b");
});

Deno.test("clients with the same list start with different nodes", () => {
  const contacts = new Contacts(timing);
  const effects = contacts.step(
    { type: "points", addresses: ["a", "b", "c"], random: 0.99 },
    0,
  );
  assertEquals(effects.map(short), ["subscribe c", "subscribe a"]);
});

Deno.test("a contact point that does not answer in time is followed by the next", () => {
  const scene = new Scene(["a", "b", "c"]);
  scene.answer("a", 10);
  assertEquals(scene.tick(999).filter((effect) => !effect.endsWith(" a")), []);
  assertEquals(scene.members(["a", "b", "c"], 1_000), []);
  assertEquals(scene.tick(1_000), ["subscribe c"]);
  assertEquals(scene.answer("c", 1_010), ["state connected"]);
});

Deno.test("a node that fails is retried forever with jittered back-off", () => {
  const scene = new Scene(["a"]);
  const pauses: number[] = [];
  let now = 0;
  for (let round = 0; round < 6; round++) {
    assert(!scene.lost("a", now, 1).includes("subscribe a"), "it must rest first");
    const since = now;
    while (!scene.tick(now).includes("subscribe a")) now += 25;
    pauses.push(now - since);
  }
  assertEquals(pauses, [100, 200, 400, 800, 800, 800]);
  const lucky = new Scene(["a"]);
  lucky.lost("a", 0, 0);
  assertEquals(lucky.tick(24), []);
  assertEquals(lucky.tick(25), ["subscribe a"]);
});

Deno.test("contact points are resolved again when none is left to try", () => {
  const scene = new Scene(["a", "b"]);
  scene.lost("a", 0, 1);
  assertEquals(scene.lost("b", 0, 1), []);
  assert(scene.tick(600).includes("subscribe a"));
  scene.lost("a", 601, 1);
  assertEquals(scene.lost("b", 601, 1), ["resolve"]);
  assertEquals(scene.tick(602), []);
  const found = scene.step({ type: "points", addresses: ["x", "y"], random: 0 }, 603);
  assertEquals([...found].sort(), ["subscribe x", "subscribe y"]);
  assertEquals(scene.answer("x", 610), ["state degraded"]);
  assertEquals(scene.answer("y", 620), ["state connected"]);
});

Deno.test("members of the topology replace contact points that are gone", () => {
  const scene = new Scene(["a"]);
  assertEquals(scene.answer("a", 10), ["state degraded"]);
  assertEquals(scene.members(["a", "b", "c"], 10), ["subscribe b"]);
  assertEquals(scene.answer("b", 20), ["state connected"]);
  assertEquals(scene.lost("a", 30), ["subscribe c", "state degraded"]);
  assertEquals(scene.members(["b", "c"], 40), []);
  assertEquals(scene.answer("c", 50), ["state connected"]);
  assertEquals(scene.lost("b", 60), ["state degraded"]);
  assertEquals(scene.members(["c", "d"], 70), ["subscribe d"]);
  assertEquals(scene.answer("d", 80), ["state connected"]);
  assertEquals(scene.contacts.subscribed, ["c", "d"]);
});

Deno.test("a client that has lost both nodes is reconnecting, and tries all known addresses", () => {
  const scene = new Scene(["a"]);
  scene.answer("a", 0);
  scene.members(["b", "c"], 0);
  scene.answer("b", 1);
  scene.lost("a", 2, 1);
  scene.lost("c", 2, 1);
  assertEquals(scene.lost("b", 3, 1), ["state reconnecting"]);
  assertEquals(scene.contacts.current, undefined);
  const tried = new Set<string>();
  for (let now = 4; now < 900; now += 5) {
    const effects = [...scene.tick(now)];
    for (const effect of effects) {
      const [, to] = effect.split(" ");
      if (!effect.startsWith("subscribe")) continue;
      tried.add(to!);
      effects.push(...scene.lost(to!, now, 1));
    }
  }
  assertEquals([...tried].sort(), ["a", "b", "c"]);
  scene.tick(3_000);
  assertEquals(scene.answer("a", 3_001).includes("state reconnecting"), false);
  assert(scene.contacts.state === "connected" || scene.contacts.state === "degraded");
});

Deno.test("a subscription is renewed, and ends after the liveness timeout", () => {
  const scene = new Scene(["a", "b", "c"]);
  scene.answer("a", 0);
  scene.answer("b", 0);
  scene.members(["a", "b", "c"], 0);
  assertEquals(scene.tick(499), []);
  assertEquals(scene.tick(500), ["subscribe a", "subscribe b"]);
  for (let now = 500; now < 2_000; now += 500) {
    scene.tick(now);
    scene.answer("b", now);
  }
  assertEquals(scene.tick(2_000), [
    "silent a",
    "subscribe b",
    "subscribe c",
    "state degraded",
  ]);
  assertEquals(scene.contacts.subscribed, ["b"]);
});

Deno.test("a client is degraded until it hears from two nodes, or from the only one", () => {
  const scene = new Scene(["a", "b"]);
  const first = { type: "answer", from: "a", asked: "a", draining: false } as const;
  assertEquals(scene.step({ ...first, members: ["a", "b", "c"] }, 0), ["state degraded"]);
  assertEquals(scene.answer("b", 10), ["state connected"]);
  const alone = new Scene(["a", "b"]);
  assertEquals(alone.step({ ...first, members: ["a"] }, 0), ["state connected"]);
});

Deno.test("a stall of the client is no silence of its contacts", () => {
  const scene = new Scene(["a", "b"]);
  scene.answer("a", 0);
  scene.answer("b", 0);
  scene.step({ type: "lag", ms: 30_000 }, 30_000);
  assertEquals(scene.tick(30_000), []);
  assertEquals(scene.tick(31_999), ["subscribe a", "subscribe b"]);
  const stalled = new Scene(["a", "b"]);
  stalled.answer("a", 0);
  stalled.answer("b", 0);
  const silent = stalled.tick(30_000).filter((effect) => effect.startsWith("silent"));
  assertEquals(silent, ["silent a", "silent b"]);
});

Deno.test("a client of a cluster with one node is connected with one subscription", () => {
  const scene = new Scene(["a", "b"]);
  scene.answer("a", 0);
  scene.lost("b", 1);
  assertEquals(scene.contacts.state, "degraded");
  assertEquals(scene.members(["a"], 2), ["state connected"]);
  assertEquals(scene.tick(3), []);
});

Deno.test("a leaving node is unsubscribed from when another has taken its place", () => {
  const scene = new Scene(["a", "b"]);
  scene.answer("a", 0);
  scene.answer("b", 0);
  scene.members(["a", "b", "c"], 0);
  assertEquals(scene.answer("a", 10, { draining: true }), ["subscribe c"]);
  assertEquals(scene.contacts.subscribed, ["b", "a"]);
  assertEquals(scene.answer("c", 20), ["unsubscribe a"]);
  assertEquals(scene.contacts.subscribed, ["b", "c"]);
  assertEquals(scene.contacts.state, "connected");
});

Deno.test("the only node is kept until it has left", () => {
  const scene = new Scene(["a"]);
  scene.answer("a", 0);
  scene.members(["a"], 0);
  assertEquals(scene.answer("a", 10, { draining: true }), []);
  assertEquals(scene.contacts.current, "a");
});

Deno.test("a node that has left and returned is a contact again", () => {
  const scene = new Scene(["a"]);
  scene.answer("a", 0, { draining: true });
  scene.members(["a"], 0);
  scene.lost("a", 10);
  assertEquals(scene.contacts.state, "reconnecting");
  scene.tick(1_000);
  assertEquals(scene.answer("a", 1_010), ["state connected"]);
});

Deno.test("a contact point that has left and returned is used again", () => {
  const scene = new Scene(["a", "b"], { contacts: 1 });
  scene.answer("a", 0);
  assertEquals(scene.answer("a", 10, { draining: true }), ["subscribe b"]);
  assertEquals(scene.answer("b", 20), ["unsubscribe a"]);
  scene.lost("a", 30);
  assertEquals(scene.answer("b", 40, { draining: true }), ["subscribe a"]);
  assertEquals(scene.answer("a", 50), ["unsubscribe b"]);
});

Deno.test("a contact point may be another address of a member", () => {
  const scene = new Scene(["localhost:1"], { contacts: 1 });
  scene.answer("127.0.0.1:1", 0, { asked: "localhost:1" });
  scene.members(["127.0.0.1:1"], 0);
  assertEquals(scene.contacts.current, "127.0.0.1:1");
  assertEquals(scene.lost("127.0.0.1:1", 1), ["subscribe localhost:1", "state reconnecting"]);
});

Deno.test("no alias of a subscribed member is requested", () => {
  const scene = new Scene(["localhost:1", "localhost:2"]);
  scene.answer("127.0.0.1:1", 0, { asked: "localhost:1" });
  scene.answer("127.0.0.1:2", 0, { asked: "localhost:2" });
  assertEquals(scene.members(["127.0.0.1:1", "127.0.0.1:2"], 0), []);
  assertEquals(scene.contacts.subscribed, ["127.0.0.1:1", "127.0.0.1:2"]);
});

Deno.test("the loss of a node without a subscription has no effect", () => {
  const scene = new Scene(["a", "b"]);
  scene.answer("a", 0);
  scene.answer("b", 0);
  scene.members(["a", "b", "c"], 0);
  assertEquals(scene.lost("c", 1), []);
  assertEquals(scene.lost("stranger", 1), []);
  assertEquals(scene.contacts.state, "connected");
});

Deno.test("a closed client unsubscribes from all nodes, and ignores later events", () => {
  const scene = new Scene(["a", "b"]);
  scene.answer("a", 0);
  scene.answer("b", 0);
  assertEquals(scene.step({ type: "close" }, 1), [
    "unsubscribe a",
    "unsubscribe b",
    "state closed",
  ]);
  assertEquals(scene.tick(10_000), []);
  assertEquals(scene.answer("a", 10_000), []);
  assertEquals(scene.contacts.state, "closed");
});

Deno.test("a node that answers each time is kept with any liveness timeout", () => {
  for (const liveness of [1_000, 2_000, 2_900, 10_000, 60_000]) {
    const scene = new Scene(["a"], { liveness, refreshInterval: 3_000, answerTimeout: 3_000 });
    scene.answer("a", 0);
    for (let now = 250; now < 200_000; now += 250) {
      for (const effect of scene.tick(now)) {
        assertEquals(effect, "subscribe a");
        scene.answer("a", now + 5);
      }
    }
    assertEquals(scene.contacts.state, "degraded");
  }
});
