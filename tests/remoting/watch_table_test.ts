import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { WatchEffect } from "../../lib/remoting/peer_watches.ts";
import { WatchTable } from "../../lib/remoting/watch_table.ts";
import { LossyWatchers } from "./lossy_watchers.ts";

const paths = ["/one", "/two", "/three"];
const path = fc.constantFrom(...paths);
const number = fc.nat(200);

type Action = readonly [string, (world: LossyWatchers) => void];

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: path.map((at): Action => [`spawn ${at}`, (w) => w.spawn(at)]) },
  { weight: 6, arbitrary: path.map((at): Action => [`watch ${at}`, (w) => void w.watch(at)]) },
  { weight: 3, arbitrary: number.map((n): Action => [`unwatch ${n}`, (w) => w.unwatch(n % 20)]) },
  {
    weight: 3,
    arbitrary: fc.tuple(path, fc.constantFrom("stopped" as const, "failed" as const))
      .map(([at, reason]): Action => [`kill ${at}`, (w) => w.kill(at, reason)]),
  },
  { weight: 8, arbitrary: number.map((n): Action => [`deliver ${n}`, (w) => w.deliver(n)]) },
  { weight: 2, arbitrary: number.map((n): Action => [`twice ${n}`, (w) => w.deliver(n, true)]) },
  { weight: 4, arbitrary: number.map((n): Action => [`lose ${n}`, (w) => w.lose(n)]) },
  {
    weight: 4,
    arbitrary: fc.nat(3_000).map((ms): Action => [`advance ${ms}`, (w) => w.advance(ms)]),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((s): Action => [`reconnect ${s}`, (w) => w.reconnect(s)]),
  },
);

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 30, arbitrary: action },
  { weight: 1, arbitrary: fc.constant<Action>(["restart b", (w) => w.restart("b")]) },
  { weight: 1, arbitrary: fc.constant<Action>(["restart a", (w) => w.restart("a")]) },
);

function check(actions: fc.Arbitrary<Action>): void {
  const named = actions.map(([name, run]) =>
    Object.assign(run, { [fc.toStringMethod]: () => name })
  );
  fc.assert(
    fc.property(fc.array(named, { maxLength: 80, size: "max" }), fc.boolean(), (all, strange) => {
      const world = new LossyWatchers(strange);
      for (const run of all) run(world);
      world.finish();
    }),
    { numRuns: 1_000, seed: 20_240_607 },
  );
}

Deno.test("over any lossy link each watch fires once after the end, never before, never when taken back", () => {
  check(action);
});

Deno.test("so it is when systems die and come back under the same address", () => {
  check(anyAction);
});

Deno.test("without loss a watch is four messages, and then there is silence", () => {
  const world = new LossyWatchers();
  world.spawn("/one");
  const id = world.watch("/one");
  assertEquals(world.underWay, ["watch"]);
  world.deliver(0);
  assertEquals(world.underWay, ["watching"]);
  world.deliver(0);
  assert(world.settled && world.frames === 0);
  world.advance(60_000);
  assertEquals(world.frames, 0);
  world.kill("/one", "failed");
  assertEquals(world.underWay, ["gone"]);
  world.deliver(0);
  assertEquals(world.watches.get(id)!.fired, "failed");
  assertEquals(world.underWay, ["forget"]);
  world.deliver(0);
  world.deliver(0);
  assert(world.settled && world.frames === 0 && world.observed === 0);
});

Deno.test("who takes a watch back is not observed for any longer", () => {
  const world = new LossyWatchers();
  world.spawn("/one");
  const id = world.watch("/one");
  world.deliver(0);
  assertEquals(world.observed, 1);
  world.unwatch(id);
  assertEquals(world.underWay, ["watching", "forget"]);
  // The first one is lost, and so is the confirmation of the second.
  world.lose(1);
  world.advance(1_000);
  assertEquals(world.underWay, ["watching", "forget"]);
  world.deliver(1);
  assertEquals(world.observed, 0);
  world.lose(1);
  world.advance(2_000);
  assertEquals(world.underWay, ["watching", "forget"]);
  world.finish();
  assert(world.settled);
});

Deno.test("who is not answered repeats itself, less and less often", () => {
  const world = new LossyWatchers();
  world.watch("/one");
  const times: number[] = [];
  let count = world.frames;
  for (let time = 100; time <= 10_000; time += 100) {
    world.advance(100);
    if (world.frames > count) times.push(time);
    count = world.frames;
  }
  assertEquals(times, [500, 1_500, 3_500, 5_500, 7_500, 9_500]);
});

Deno.test("a thousand watches are repeated in messages of bounded size", () => {
  const world = new LossyWatchers();
  for (let i = 0; i < 1_000; i++) world.watch("/one");
  while (world.frames > 0) world.lose(0);
  world.advance(500);
  assertEquals(world.frames, Math.ceil(1_000 / 64));
  world.finish();
});

const limits = {
  maxWatchesPerPeer: 2,
  maxWatchesPerIdentity: 100,
  minRetry: 500,
  maxRetry: 2_000,
};
const item = (id: number) => ({ id, path: "/x", uid: 7 });

Deno.test("a peer can watch as many actors as it may, and more when it has let go of one", () => {
  const table = new WatchTable(limits);
  const asked = (...ids: number[]) =>
    table.step({
      type: "requested",
      from: "client:c",
      incarnation: 1,
      session: 0,
      items: ids.map((id) => ({ ...item(id), present: true })),
    }, 0).map(({ type }) => type);
  assertEquals(asked(1, 2, 3), ["observe", "observe", "send", "refuse"]);
  assertEquals(asked(1), ["send"]);
  const forget = { type: "forget", ids: [1] } as const;
  table.step({ type: "received", from: "client:c", incarnation: 1, message: forget }, 0);
  assertEquals(asked(3), ["observe", "send"]);
});

Deno.test("watches of clients with one certificate count together", () => {
  const table = new WatchTable({ ...limits, maxWatchesPerPeer: 100, maxWatchesPerIdentity: 3 });
  const asked = (from: string, account: string, ...ids: number[]) => {
    const items = ids.map((id) => ({ ...item(id), present: true }));
    const facts = { from, account, incarnation: 1, session: 0, items };
    const effects = table.step({ type: "requested", ...facts }, 0);
    return effects.filter(({ type }) => type === "observe").length;
  };
  table.step({ type: "members", alive: new Map() }, 0);
  for (const peer of ["client:1", "client:2", "client:3"]) {
    table.step({ type: "peerUp", peer, incarnation: 1 }, 0);
  }
  assertEquals(asked("client:1", "mallory", 1, 2), 2);
  assertEquals(asked("client:2", "mallory", 1, 2), 1);
  assertEquals(asked("client:3", "alice", 1, 2), 2);
  table.step({ type: "peerDown", peer: "client:1" }, 0);
  assertEquals(asked("client:2", "mallory", 2, 3, 4), 0, "it may come back");
  table.step({ type: "clientGone", client: "client:1" }, 0);
  assertEquals(asked("client:2", "mallory", 2, 3, 4), 2);
});

Deno.test("watches of one node count against the limit until that node has let go of them", () => {
  const table = new WatchTable(limits);
  table.step({ type: "members", alive: new Map([["n:1", 1]]) }, 0);
  table.step({ type: "watch", node: "n:1", ...item(1) }, 0);
  assert(table.hasRoom("n:1"));
  table.step({ type: "watch", node: "n:1", ...item(2) }, 0);
  assert(!table.hasRoom("n:1") && table.hasRoom("n:2"));
  table.step({ type: "unwatch", node: "n:1", id: 1 }, 0);
  assert(!table.hasRoom("n:1"));
  const forgotten = { type: "forgotten", ids: [1] } as const;
  table.step({ type: "received", from: "n:1", incarnation: 1, message: forgotten }, 0);
  assert(table.hasRoom("n:1"));
});

/** Lines for what fires. */
const fired = (effects: readonly WatchEffect[]) =>
  effects.flatMap((effect) => effect.type === "fire" ? [`${effect.id} ${effect.reason}`] : []);

Deno.test("what is watched before a system takes part waits until it does", () => {
  const table = new WatchTable();
  assertEquals(table.step({ type: "watch", node: "n:1", ...item(1) }, 0), []);
  assertEquals(table.step({ type: "watch", node: "n:2", ...item(2) }, 0), []);
  assertEquals(table.step({ type: "unwatch", node: "n:1", id: 3 }, 0), []);
  assert(!table.unsettled);
  const effects = table.step({ type: "members", alive: new Map([["n:1", 1]]) }, 0);
  assertEquals(effects, [
    { type: "send", to: "n:1", message: { type: "watch", session: 0, items: [item(1)] } },
    { type: "fire", id: 2, reason: "nodeDown" },
  ]);
  assert(table.unsettled);
});

Deno.test("a node that is removed, and a client that is gone, take their actors along", () => {
  const table = new WatchTable();
  table.step({ type: "members", alive: new Map([["n:1", 1], ["n:2", 1]]) }, 0);
  table.step({ type: "peerUp", peer: "client:c", incarnation: 1 }, 0);
  table.step({ type: "watch", node: "n:1", ...item(1) }, 0);
  table.step({ type: "watch", node: "client:c", ...item(2) }, 0);
  const members = table.step({ type: "members", alive: new Map([["n:2", 1]]) }, 0);
  assertEquals(fired(members), ["1 nodeDown"]);
  assertEquals(fired(table.step({ type: "peerDown", peer: "client:c" }, 0)), []);
  assert(table.unsettled, "it is asked again when it comes back");
  const gone = table.step({ type: "clientGone", client: "client:c" }, 0);
  assertEquals(fired(gone), ["2 nodeDown"]);
  assert(!table.unsettled);
});

Deno.test("a client that is not connected is waited for, and is gone when that is said", () => {
  const table = new WatchTable();
  table.step({ type: "members", alive: new Map() }, 0);
  const effects = table.step({ type: "watch", node: "client:c", ...item(1) }, 0);
  assertEquals(effects.map(({ type }) => type), ["expect", "send"]);
  assertEquals(table.step({ type: "watch", node: "client:c", ...item(2) }, 0).length, 1);
  assertEquals(fired(table.step({ type: "clientGone", client: "client:c" }, 0)), [
    "1 nodeDown",
    "2 nodeDown",
  ]);
  assert(!table.unsettled);
});

Deno.test("watches of a client survive a lost connection, in both directions", () => {
  const table = new WatchTable();
  table.step({ type: "members", alive: new Map() }, 0);
  const up = { type: "peerUp", peer: "client:c", incarnation: 1 } as const;
  table.step(up, 0);
  table.step({ type: "watch", node: "client:c", ...item(1) }, 0);
  const items = [{ ...item(1), present: true }];
  const asked = { type: "requested", from: "client:c", incarnation: 1, session: 0, items } as const;
  assertEquals(table.step(asked, 0).map(({ type }) => type), ["observe", "send"]);
  assertEquals(table.step({ type: "peerDown", peer: "client:c" }, 0), []);
  const again = table.step(up, 10_000).map((effect) =>
    effect.type === "send" ? effect.message.type : effect.type
  );
  assertEquals(again, ["watch"], "nothing was released");
  const ended = { type: "ended", watcher: "client:c", id: 1, reason: "stopped" } as const;
  assertEquals(table.step(ended, 10_000).map(({ type }) => type), ["send"]);
});

Deno.test("a way that has changed makes all watches be sent again", () => {
  const table = new WatchTable();
  table.step({ type: "members", alive: new Map([["n:1", 1], ["n:2", 1]]) }, 0);
  for (const [id, node] of [[1, "n:1"], [2, "n:2"]] as const) {
    table.step({ type: "watch", node, ...item(id) }, 0);
    const message = { type: "watching", session: 0, ids: [id] } as const;
    table.step({ type: "received", from: node, incarnation: 1, message }, 0);
  }
  assert(!table.unsettled);
  const sent = table.step({ type: "rerouted" }, 0);
  assertEquals(sent.flatMap((effect) => effect.type === "send" ? [effect.to] : []), ["n:1", "n:2"]);
  assert(table.unsettled);
});

Deno.test("a watcher whose node is removed is forgotten; one that is about to join is not", () => {
  const table = new WatchTable();
  table.step({ type: "members", alive: new Map([["n:1", 5], ["self:1", 1]]) }, 0);
  const items = [{ ...item(1), present: true }];
  const ask = (from: string, incarnation: number) =>
    table.step({ type: "requested", from, incarnation, session: 0, items }, 0);
  ask("n:1", 5);
  // Its join has not been heard of here yet.
  ask("n:2", 5);
  const released = (effects: readonly WatchEffect[]) =>
    effects.flatMap((effect) => effect.type === "release" ? [effect.watcher] : []);
  const alone = { type: "members", alive: new Map([["self:1", 1]]) } as const;
  assertEquals(released(table.step(alone, 0)), ["n:1"]);
  assertEquals(released(table.step(alone, 0)), []);
  assertEquals(released(table.step({ type: "peerDown", peer: "n:2" }, 0)), ["n:2"]);
});

Deno.test("messages of an earlier incarnation of a node are ignored", () => {
  const table = new WatchTable();
  table.step({ type: "members", alive: new Map([["n:1", 1]]) }, 0);
  table.step({ type: "watch", node: "n:1", ...item(1) }, 0);
  table.step({ type: "peerUp", peer: "n:1", incarnation: 2 }, 0);
  const watching = { type: "watching", session: 1, ids: [1] } as const;
  const late = table.step({ type: "received", from: "n:1", incarnation: 1, message: watching }, 0);
  assertEquals(late, []);
  assert(table.unsettled);
  table.step({ type: "received", from: "n:1", incarnation: 2, message: watching }, 0);
  assert(!table.unsettled);
  // The table of members lags behind: it removes the earlier incarnation, and then knows the later one.
  assertEquals(table.step({ type: "members", alive: new Map() }, 0), []);
  assertEquals(table.step({ type: "members", alive: new Map([["n:1", 2]]) }, 0), []);
  assertEquals(fired(table.step({ type: "peerUp", peer: "n:1", incarnation: 3 }, 0)), [
    "1 nodeDown",
  ]);
});
