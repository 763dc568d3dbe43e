import { assert, assertEquals } from "@std/assert";
import { Coordinator, type CoordinatorTiming } from "../../lib/sharding/coordinator/coordinator.ts";
import type {
  CoordinatorEffect,
  CoordinatorEvent,
} from "../../lib/sharding/coordinator/coordinator_event.ts";
import type { LeaseConfig } from "../../lib/sharding/lease/lease_config.ts";
import type {
  RegionReport,
  ReportMessage,
} from "../../lib/sharding/coordinator/coordination_protocol.ts";
import { takeoverWait } from "../../lib/sharding/lease/lease_timing.ts";
import { epochBefore, epochsPerTerm } from "../../lib/sharding/routing/epoch.ts";
import { noTerm, type Term } from "../../lib/sharding/routing/term.ts";

const shardType = "counters";
const numShards = 20;
const interval = 10_000;

/**
 * A coordinator at "a", and the messages of the nodes around it, which adopt at once what it proposes
 * and hold no leases.
 */
class Scene {
  readonly coordinator: Coordinator;
  now = 0;
  term: Term = noTerm;
  /** Nodes that voters acknowledge as holders of a lease. */
  live: readonly string[] = [];
  #said = 0;
  readonly #adopted = new Map<string, LeaseConfig>();
  #incarnations: ReadonlyMap<string, number> = new Map();

  /** Grants requested shards only, unless `timing` says more. */
  constructor(timing: Partial<CoordinatorTiming> = {}) {
    this.coordinator = new Coordinator({ rebalanceInterval: interval, eagerGrants: 0, ...timing });
  }

  step(event: CoordinatorEvent): readonly CoordinatorEffect[] {
    const effects: CoordinatorEffect[] = [];
    const events = [event];
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      for (const effect of this.coordinator.step(next, this.now)) {
        if (effect.type === "adoptLeases") {
          const { to: from, config: { version } } = effect;
          this.#adopted.set(from, effect.config);
          const incarnation = this.#incarnations.get(from) ?? 1;
          const holders = this.live.map((address) => ({
            holder: { address, incarnation: 1 },
            age: 0,
          }));
          events.push({ type: "leasesAdopted", from, incarnation, version, holders });
        } else if (effect.type !== "admitHolder") effects.push(effect);
      }
    }
    for (const effect of effects) if (effect.type === "requestReport") this.term = effect.term;
    return effects;
  }

  view(
    leader: string,
    members: readonly string[],
    change: {
      candidates?: readonly string[];
      lives?: Record<string, number>;
      versions?: Record<string, string>;
      joining?: readonly string[];
      /** Why others than the candidates cannot be reached. */
      reason?: "silent" | "gone";
    } = {},
  ): readonly CoordinatorEffect[] {
    const { reason = "silent" } = change;
    const { candidates = members, lives = {}, versions = {}, joining = [] } = change;
    this.#incarnations = new Map(Object.entries(lives));
    const view = {
      self: "a",
      leader,
      members: members.map((address) => ({
        address,
        incarnation: lives[address] ?? 1,
        eligible: candidates.includes(address) && !joining.includes(address),
        joining: joining.includes(address),
        full: !joining.includes(address),
        upNumber: joining.includes(address) ? 0 : address.charCodeAt(0) - 96,
        unreachable: candidates.includes(address) ? undefined : reason,
        roles: [],
        appVersion: versions[address],
      })),
    };
    return this.step({ type: "view", view });
  }

  report(
    from: string,
    shards: RegionReport["shards"] = [],
    change: {
      lastEpoch?: number;
      retiring?: boolean;
      term?: Term;
      said?: number;
      incarnation?: number;
      of?: number;
    } = {},
  ): readonly CoordinatorEffect[] {
    const { lastEpoch = 0, retiring = false, term = this.term, incarnation = 1 } = change;
    const { said = ++this.#said, of = numShards } = change;
    const regions = [{ shardType, numShards: of, shards, lastEpoch }];
    return this.step({
      type: "shardReport",
      from,
      term,
      stamp: [incarnation, said],
      retiring,
      regions,
      ...this.leases(from),
    });
  }

  /** What a report of a node says about leases. */
  leases(from: string): Pick<ReportMessage, "config" | "holders"> {
    const config = this.#adopted.get(from);
    return { holders: [], ...(config && { config }) };
  }

  locate(from: string, shard: number, of = numShards): readonly CoordinatorEffect[] {
    return this.step({ type: "locate", from, shardType, numShards: of, shard });
  }

  hosting(from: string, shard: number, epoch: number): readonly CoordinatorEffect[] {
    return this.step({ type: "started", from, stamp: [1, ++this.#said], shardType, shard, epoch });
  }

  stopped(from: string, shard: number, epoch: number): readonly CoordinatorEffect[] {
    return this.step({ type: "stopped", from, stamp: [1, ++this.#said], shardType, shard, epoch });
  }

  tick(later = 0): readonly CoordinatorEffect[] {
    this.now += later;
    return this.step({ type: "tick" });
  }
}

function orders(effects: readonly CoordinatorEffect[], type: "startShard" | "handOff") {
  return effects.flatMap((effect) =>
    effect.type === type ? [[effect.to, effect.shard, effect.epoch] as const] : []
  );
}

function locations(effects: readonly CoordinatorEffect[]) {
  return effects.flatMap((effect) =>
    effect.type === "location" ? [[effect.to, effect.shard, effect.owner, effect.epoch]] : []
  );
}

/** A coordinator that leads a, b and c, all of which have a region and run nothing. */
function active(members = ["a", "b", "c"]): Scene {
  const scene = new Scene();
  scene.view("a", members);
  for (const from of members) scene.report(from);
  return scene;
}

/** All shards are at rest at these nodes, in turn. */
function spread(scene: Scene, nodes: readonly string[], count = numShards): void {
  for (let shard = 0; shard < count; shard++) {
    const [order] = orders(scene.locate("a", shard), "startShard");
    assert(order !== undefined && nodes.includes(order[0]));
    scene.hosting(...order);
  }
}

Deno.test("a coordinator of a node that does not lead stays idle", () => {
  const scene = new Scene();
  scene.view("b", ["a", "b"]);
  assertEquals(scene.coordinator.phase, "idle");
  assertEquals(scene.report("b"), []);
  assertEquals(scene.locate("b", 1), []);
});

Deno.test("a new coordinator requests reports from all members, and grants nothing before they arrive", () => {
  const scene = new Scene();
  const asked = scene.view("a", ["a", "b", "c"]);
  assertEquals(asked.map((effect) => effect.type === "requestReport" && effect.to), [
    "a",
    "b",
    "c",
  ]);
  scene.report("a");
  scene.report("b");
  assertEquals(scene.locate("a", 3), []);
  assertEquals(scene.coordinator.phase, "recovering");
  // The last report says that the requested shard runs at c already.
  assertEquals(locations(scene.report("c", [[3, 7, 0]], { lastEpoch: 7 })), [["a", 3, "c", 7]]);
  assertEquals(scene.coordinator.phase, "active");
});

Deno.test("a report of an earlier term does not count", () => {
  const scene = new Scene();
  scene.view("a", ["a", "b"]);
  scene.report("a");
  const effects = scene.report("b", [], { term: noTerm });
  assertEquals(effects, [{ type: "requestReport", to: "b", term: scene.term }]);
  assertEquals(scene.coordinator.phase, "recovering");
});

Deno.test("a coordinator that learns of a later term begins a higher one", () => {
  const scene = active();
  const before = scene.term;
  const effects = scene.step({ type: "outdatedTerm", from: "b", term: [9, "x"] });
  assertEquals(effects.length, 3);
  assertEquals(scene.term, [10, "a"]);
  assert(before[0] < 9);
  assertEquals(scene.coordinator.phase, "recovering");
  assertEquals(scene.locate("a", 3), []);
});

Deno.test("a coordinator ignores a term that cannot have begun", () => {
  const scene = active();
  const before = scene.term;
  for (const count of [Number.MAX_SAFE_INTEGER, 2 ** 33, 2 ** 32]) {
    assertEquals(scene.step({ type: "outdatedTerm", from: "b", term: [count, "x"] }), []);
  }
  assertEquals([scene.term, scene.coordinator.phase], [before, "active"]);
});

Deno.test("a report that was overtaken by a confirmation frees no shard", () => {
  const scene = active();
  assertEquals(orders(scene.locate("c", 9), "startShard"), [["a", 9, 1]]);
  scene.hosting("a", 9, 1);
  scene.report("a", [], { said: 1 });
  assertEquals(locations(scene.locate("b", 9)), [["b", 9, "a", 1]]);
});

Deno.test("the report of a member that is gone is not awaited", () => {
  const scene = new Scene();
  scene.view("a", ["a", "b"]);
  scene.report("a");
  scene.locate("a", 0);
  assertEquals(orders(scene.view("a", ["a"]), "startShard"), [["a", 0, 1]]);
});

Deno.test("a joining node gets shards when it is up: then all members know it", () => {
  const scene = active(["a"]);
  assertEquals(orders(scene.locate("a", 0), "startShard"), [["a", 0, 1]]);
  scene.view("a", ["a", "b"], { joining: ["b"] });
  scene.report("b");
  assertEquals(orders(scene.locate("a", 1), "startShard"), [["a", 1, 2]]);
  scene.view("a", ["a", "b"]);
  assertEquals(orders(scene.locate("a", 2), "startShard"), [["b", 2, 3]]);
});

Deno.test("a new coordinator awaits the report of a joining member: the last one may have seen it up", () => {
  const scene = new Scene();
  scene.view("b", ["a", "b", "c"], { joining: ["c"] });
  scene.view("a", ["a", "c"], { joining: ["c"] });
  scene.report("a");
  assertEquals(scene.coordinator.phase, "recovering");
  assertEquals(orders(scene.locate("a", 4), "startShard"), []);
  const effects = scene.report("c", [[4, 7, 0]], { lastEpoch: 7 });
  assertEquals(locations(effects), [["a", 4, "c", 7]]);
});

Deno.test("a change of leader needs no convergence: the reports of all are enough", () => {
  const scene = new Scene();
  scene.view("c", ["a", "b", "c"]);
  scene.view("a", ["a", "b"]);
  scene.report("a");
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  const [order] = orders(scene.locate("b", 3), "startShard");
  assertEquals(order?.slice(0, 2), ["a", 3]);
});

Deno.test("the first grant of a type waits for members that have no region of it, but not long", () => {
  const scene = new Scene();
  scene.view("a", ["a", "b", "c"], { joining: ["c"] });
  scene.report("a");
  scene.step({
    type: "shardReport",
    from: "b",
    term: scene.term,
    stamp: [1, 1_000],
    retiring: false,
    holders: [],
    regions: [],
  });
  scene.report("c");
  assertEquals(orders(scene.locate("a", 0), "startShard"), []);
  assertEquals(orders(scene.tick(999), "startShard"), []);
  assertEquals(orders(scene.tick(1), "startShard")[0], ["a", 0, 1]);
});

Deno.test("shards are granted before anybody requests them, evenly and not all at once", () => {
  const scene = new Scene({ eagerGrants: 6 });
  scene.view("a", ["a", "b", "c"]);
  for (const from of ["a", "b", "c"]) scene.report(from);
  // While a cluster forms, the first nodes would get all shards.
  assertEquals(orders(scene.tick(4_999), "startShard"), []);
  const first = orders(scene.tick(1), "startShard");
  assertEquals(first.map(([to]) => to), ["a", "b", "c", "a", "b", "c"]);
  assertEquals(orders(scene.tick(1), "startShard"), []);
  scene.hosting(...first[0]!);
  assertEquals(orders(scene.tick(1), "startShard"), [["a", 6, 7]]);
});

Deno.test("a node without shards gets its share in the first round", () => {
  const scene = active(["a"]);
  spread(scene, ["a"]);
  scene.view("a", ["a", "b"]);
  scene.report("b");
  assertEquals(orders(scene.tick(interval), "handOff").length, numShards / 2);
});

Deno.test("each grant goes to the node with the fewest shards, with an epoch of its own", () => {
  const scene = active();
  const granted = [0, 1, 2, 3, 4, 5].flatMap((shard) =>
    orders(scene.locate("a", shard), "startShard")
  );
  assertEquals(granted, [
    ["a", 0, 1],
    ["b", 1, 2],
    ["c", 2, 3],
    ["a", 3, 4],
    ["b", 4, 5],
    ["c", 5, 6],
  ]);
});

Deno.test("a location is answered only when the owner has confirmed the grant", () => {
  const scene = active();
  assertEquals(orders(scene.locate("c", 9), "startShard"), [["a", 9, 1]]);
  assertEquals(scene.locate("b", 9), []);
  assertEquals(locations(scene.hosting("b", 9, 1)), []);
  assertEquals(locations(scene.hosting("a", 9, 1)), [["c", 9, "a", 1], ["b", 9, "a", 1]]);
  assertEquals(locations(scene.locate("b", 9)), [["b", 9, "a", 1]]);
});

Deno.test("an unconfirmed grant is repeated", () => {
  const scene = active();
  scene.locate("c", 9);
  assertEquals(orders(scene.tick(), "startShard"), []);
  assertEquals(orders(scene.tick(600), "startShard"), [["a", 9, 1]]);
});

Deno.test("shards of a node that is gone are granted again with a higher epoch", () => {
  const scene = active();
  scene.locate("c", 9);
  scene.hosting("a", 9, 1);
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  assertEquals(orders(scene.view("a", ["a", "c"]), "startShard"), [["c", 4, 6]]);
});

Deno.test("a node that restarts with a new incarnation has lost its shards", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  const effects = scene.view("a", ["a", "b", "c"], { lives: { b: 2 } });
  assertEquals(orders(effects, "startShard"), [["a", 4, 6]]);
  // Messages of the former incarnation do not count.
  assertEquals(scene.report("b", [[7, 3, 0]]), []);
  assertEquals(scene.coordinator.table(shardType)!.grant(7), undefined);
});

Deno.test("an unreachable owner that renews its lease keeps its shards, and gets no new ones", () => {
  const scene = active();
  scene.live = ["b"];
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  scene.view("a", ["a", "b", "c"], { candidates: ["a", "c"] });
  assertEquals(locations(scene.locate("c", 4)), [["c", 4, "b", 5]]);
  const granted = [10, 11, 12].flatMap((shard) => orders(scene.locate("a", shard), "startShard"));
  assertEquals(granted.map(([to]) => to), ["a", "c", "a"]);
});

Deno.test("of two claims to a shard the higher epoch wins, and the other is handed off", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  const told = scene.report("c", [[4, 3, 0]], { lastEpoch: 5 });
  assertEquals(locations(told), [["c", 4, "b", 5]]);
  assertEquals(orders(told, "handOff"), [["c", 4, 3]]);
});

Deno.test("a shard that a complete report does not name is free", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  const effects = scene.step({
    type: "shardReport",
    from: "b",
    term: scene.term,
    stamp: [1, 99],
    retiring: false,
    holders: [],
    regions: [],
  });
  assertEquals(orders(effects, "startShard"), [["a", 4, 6]]);
});

Deno.test("an active coordinator says that no region has a type, and names those that there are", () => {
  const scene = active();
  const ask = () =>
    scene.step({ type: "locate", from: "c", shardType: "carts", numShards, shard: 4 });
  assertEquals(ask(), [
    { type: "unknownType", to: "c", shardType: "carts", numShards, known: [shardType] },
  ]);
  // While reports are missing, one of them may have it.
  const recovering = new Scene();
  recovering.view("a", ["a", "b"]);
  assertEquals(recovering.coordinator.phase, "recovering");
  assertEquals(recovering.locate("c", 4), []);
});

Deno.test("a different number of shards is rejected with both numbers", () => {
  const scene = active();
  const effects = scene.locate("c", 4, 10);
  assertEquals(effects.length, 1);
  const refused = effects[0]!;
  assert(refused.type === "refused");
  assertEquals(refused.actual, 20);
  assert(/has 20 shards in this cluster, not 10/.test(refused.reason), refused.reason);
});

Deno.test("nodes that run shards decide how many a type has, in whatever order reports come", () => {
  const scene = new Scene();
  scene.view("a", ["a", "b", "c"]);
  scene.report("a", [], { of: 7 });
  assertEquals(scene.coordinator.table(shardType)?.numShards, 7);
  scene.report("b", [[3, 5, 0]]);
  scene.report("c", [], { of: 7 });
  const table = scene.coordinator.table(shardType)!;
  assertEquals([table.numShards, [...table.regions]], [numShards, ["b"]]);
  assertEquals(table.grant(3)?.owner, "b");
  assertEquals(orders(scene.locate("a", 3), "startShard"), []);
  assert(scene.locate("a", 3, 7).some(({ type }) => type === "refused"));
});

Deno.test("a node that runs shards of another number than the owners has to stop them", () => {
  const scene = new Scene();
  scene.view("a", ["a", "b"]);
  scene.report("a", [[3, 5, 0]]);
  const effects = scene.report("b", [[1, 4, 0], [2, 4, 0]], { of: 7 });
  assertEquals(orders(effects, "handOff"), [["b", 1, 4], ["b", 2, 4]]);
  assertEquals(scene.coordinator.table(shardType)?.numShards, numShards);
});

Deno.test("another number is taken when the last node that runs the type has gone", () => {
  const scene = new Scene();
  scene.view("a", ["a", "b"]);
  scene.report("a", [], { of: 7 });
  scene.report("b");
  scene.view("a", ["a", "b"]);
  assertEquals(scene.coordinator.table(shardType)?.numShards, 7);
  scene.step({
    type: "shardReport",
    from: "a",
    term: scene.term,
    stamp: [1, 100],
    retiring: false,
    regions: [],
    ...scene.leases("a"),
  });
  scene.report("b", [], { said: 101 });
  assertEquals(scene.coordinator.table(shardType)?.numShards, numShards);
});

Deno.test("shard types are independent of each other", () => {
  const scene = new Scene();
  scene.view("a", ["a"]);
  const types = Array.from({ length: 30 }, (_, index) => `type-${index}`);
  scene.step({
    type: "shardReport",
    from: "a",
    term: scene.term,
    stamp: [1, 1],
    retiring: false,
    holders: [],
    regions: types.map((shardType) => ({ shardType, numShards, shards: [], lastEpoch: 0 })),
  });
  for (let shard = 0; shard < numShards; shard++) {
    for (const shardType of types) {
      const effects = scene.step({ type: "locate", from: "a", shardType, numShards, shard });
      assertEquals(orders(effects, "startShard"), [["a", shard, shard + 1]]);
    }
  }
});

Deno.test("after a join one round moves at most a tenth of the shards, and only when the nodes are stable", () => {
  const scene = active(["a", "b"]);
  spread(scene, ["a", "b"], numShards - 1);
  scene.view("a", ["a", "b", "c"]);
  // It has a shard already, so it gets no more than others.
  scene.report("c", [[numShards - 1, 21, 0]], { lastEpoch: 21 });
  assertEquals(orders(scene.tick(interval - 1), "handOff"), []);
  const moved = orders(scene.tick(1), "handOff");
  assertEquals(moved.length, 2);
  // The round is not over: nothing else moves.
  assertEquals(orders(scene.tick(400), "handOff"), []);
  for (const order of moved) {
    const granted = orders(scene.stopped(...order), "startShard");
    assertEquals(granted.map(([to, shard]) => [to, shard]), [["c", order[1]]]);
    scene.hosting(...granted[0]!);
  }
  assertEquals(orders(scene.tick(400), "handOff"), []);
  assertEquals(orders(scene.tick(interval), "handOff").length, 2);
});

Deno.test("a round of rebalancing that was asked for does not wait, and moves no more than others", () => {
  const scene = active(["a", "b"]);
  spread(scene, ["a", "b"], numShards - 1);
  scene.view("a", ["a", "b", "c"]);
  scene.report("c", [[numShards - 1, 21, 0]], { lastEpoch: 21 });
  assertEquals(orders(scene.tick(400), "handOff"), []);
  assertEquals(orders(scene.step({ type: "balance", shardType: "unknown" }), "handOff"), []);
  const moved = orders(scene.step({ type: "balance", shardType }), "handOff");
  assertEquals(moved.length, 2);
  for (const order of moved) {
    const [granted] = orders(scene.stopped(...order), "startShard");
    assertEquals(granted![0], "c");
    scene.hosting(...granted!);
  }
});

Deno.test("no shard is moved while versions of the application differ", () => {
  const scene = active(["a", "b"]);
  spread(scene, ["a", "b"]);
  scene.view("a", ["a", "b", "c"], { versions: { a: "1", b: "1", c: "2" } });
  scene.report("c");
  assertEquals(orders(scene.tick(interval), "handOff"), []);
  assertEquals(orders(scene.tick(interval), "handOff"), []);
  scene.view("a", ["a", "b", "c"], { versions: { a: "2", b: "2", c: "2" } });
  assertEquals(orders(scene.tick(interval), "handOff").length, 6);
});

Deno.test("a hand-off is repeated until it is confirmed", () => {
  const scene = active(["a", "b"]);
  spread(scene, ["a", "b"]);
  scene.view("a", ["a", "b", "c"]);
  scene.report("c");
  const [order] = orders(scene.tick(interval), "handOff");
  assertEquals(orders(scene.tick(600), "handOff").includes(order!), false);
  assert(orders(scene.tick(600), "handOff").some(([, shard]) => shard === order![1]));
  const [granted] = orders(scene.stopped(...order!), "startShard");
  // The second confirmation has no effect: the shard is not granted twice.
  assertEquals(scene.stopped(...order!), []);
  scene.hosting(...granted!);
  assertEquals(scene.stopped(...order!), []);
  assertEquals(scene.coordinator.table(shardType)!.grant(order![1])!.owner, "c");
});

Deno.test("a new coordinator continues a hand-off of its predecessor", () => {
  const scene = new Scene();
  scene.view("a", ["a", "b"]);
  scene.report("a");
  scene.report("b", [[4, 5, 1]], { lastEpoch: 5 });
  assertEquals(orders(scene.tick(600), "handOff"), [["b", 4, 5]]);
  assertEquals(orders(scene.stopped("b", 4, 5), "startShard"), [["a", 4, 6]]);
});

Deno.test("a node that retires gets no shards, and the others get its shards", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  scene.report("b", [[4, 5, 1]], { lastEpoch: 5, retiring: true });
  assertEquals(orders(scene.stopped("b", 4, 5), "startShard"), [["a", 4, 6]]);
  const granted = [10, 11, 12].flatMap((shard) => orders(scene.locate("a", shard), "startShard"));
  assert(granted.every(([to]) => to !== "b"), String(granted));
});

Deno.test("all regions get table deltas, and newcomers the whole table", () => {
  const scene = active(["a", "b"]);
  spread(scene, ["a", "b"]);
  const tables = (effects: readonly CoordinatorEffect[]) =>
    effects.flatMap((effect) =>
      effect.type === "shardTableDelta" ? [[effect.to, effect.shards.length]] : []
    );
  assertEquals(tables(scene.tick()), [["a", 20], ["b", 20]]);
  assertEquals(tables(scene.tick()), []);
  scene.view("a", ["a", "b", "c"]);
  scene.report("c");
  assertEquals(tables(scene.tick()), [["c", 20]]);
});

Deno.test("a strategy that throws or names an unknown node falls back to the default, and is reported", () => {
  const scene = active();
  scene.coordinator.setStrategy(shardType, {
    allocate: (shard) => {
      if (shard === 0) throw new Error("no idea");
      return "nobody";
    },
  });
  const effects = scene.locate("a", 0);
  assert(effects.some(({ type }) => type === "strategyFailed"));
  assertEquals(orders(effects, "startShard"), [["a", 0, 1]]);
  assertEquals(orders(scene.locate("a", 1), "startShard"), [["b", 1, 2]]);
});

Deno.test("a silent owner keeps its shards while voters acknowledge it, and for 5 s after", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  scene.live = ["b"];
  scene.view("a", ["a", "b", "c"], { candidates: ["a", "c"] });
  assertEquals(orders(scene.tick(600), "startShard"), []);
  assertEquals(locations(scene.locate("c", 4)), [["c", 4, "b", 5]]);
  // From now on nobody acknowledges it.
  scene.live = [];
  assertEquals(orders(scene.tick(4_000), "startShard"), []);
  assertEquals(orders(scene.tick(1_000), "startShard"), [["a", 4, 6]]);
});

Deno.test("the shards of a node that is gone are granted when its lease has ended", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  scene.live = ["b"];
  assertEquals(orders(scene.view("a", ["a", "c"]), "startShard"), []);
  scene.live = [];
  assertEquals(orders(scene.tick(takeoverWait(1_500) - 1), "startShard"), []);
  const explained = scene.coordinator.explain().join();
  assert(/leases have ended: b/.test(explained), explained);
  assertEquals(orders(scene.tick(1), "startShard"), [["a", 4, 6]]);
});

Deno.test("an owner that comes back before its shards were granted anew keeps them", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  scene.live = ["b"];
  scene.view("a", ["a", "b", "c"], { candidates: ["a", "c"], reason: "gone" });
  // It is excluded, and its lease has not ended.
  assertEquals(locations(scene.locate("c", 4)), []);
  scene.view("a", ["a", "b", "c"]);
  const effects = scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  assertEquals(orders(effects, "startShard"), []);
  assertEquals(locations(scene.locate("c", 4)), [["c", 4, "b", 5]]);
  assertEquals(orders(scene.tick(10_000), "startShard"), []);
});

Deno.test("an owner that comes back after its shards were granted anew has to stop them", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  const view = scene.view("a", ["a", "b", "c"], { candidates: ["a", "c"], reason: "gone" });
  const [order] = orders(view, "startShard");
  assertEquals(order, ["a", 4, 6]);
  scene.hosting(...order!);
  scene.view("a", ["a", "b", "c"]);
  const told = scene.report("b", [[4, 5, 0]], { lastEpoch: 6 });
  assertEquals(locations(told), [["b", 4, "a", 6]]);
  assertEquals(orders(told, "handOff"), [["b", 4, 5]]);
  // It is asked again, until it has stopped the shard; until then it gets none.
  assert(scene.tick(250).some((effect) => effect.type === "requestReport" && effect.to === "b"));
  const others = [10, 11].flatMap((shard) => orders(scene.locate("a", shard), "startShard"));
  assert(others.every(([to]) => to !== "b"), String(others));
  scene.report("b", [], { lastEpoch: 6 });
  const granted = [12, 13, 14].flatMap((shard) => orders(scene.locate("a", shard), "startShard"));
  assert(granted.some(([to]) => to === "b"), String(granted));
});

Deno.test("an owner that comes back is sent the new location only when the new owner knows the grant", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  const view = scene.view("a", ["a", "b", "c"], { candidates: ["a", "c"], reason: "gone" });
  const [order] = orders(view, "startShard");
  assertEquals(order, ["a", 4, 6]);
  // What arrives by a grant before the grant itself would be sent back, as for an earlier incarnation.
  scene.view("a", ["a", "b", "c"]);
  const told = scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  assertEquals(locations(told), []);
  // It stops the shard at once all the same: the epoch is later than that of its own grant.
  assertEquals(orders(told, "handOff"), [["b", 4, 6]]);
  scene.locate("b", 4);
  assertEquals(locations(scene.hosting(...order!)), [["b", 4, "a", 6]]);
});

Deno.test("an unconfirmed grant of a holder that is excluded waits for its lease, whatever an old report says", () => {
  const scene = active();
  scene.live = ["b"];
  scene.coordinator.setStrategy(shardType, { allocate: (_shard, nodes) => nodes.at(-1)!.address });
  scene.view("a", ["a", "b"]);
  assertEquals(orders(scene.locate("a", 4), "startShard"), [["b", 4, 1]]);
  // The node has sent its report before it gets the grant, and does not know of its exclusion yet.
  const { config, holders } = scene.leases("b");
  const report = (said: number, known: Pick<ReportMessage, "config" | "holders">) =>
    scene.step({
      type: "shardReport",
      from: "b",
      term: scene.term,
      stamp: [1, said],
      retiring: false,
      regions: [{ shardType, numShards, shards: [], lastEpoch: 0 }],
      ...known,
    });
  scene.view("a", ["a", "b"], { candidates: ["a"], reason: "gone" });
  assertEquals(orders(report(98, { holders, ...(config && { config }) }), "startShard"), []);
  // One that knows the exclusion takes the grant no more.
  assertEquals(orders(report(99, scene.leases("b")), "startShard"), [["a", 4, 2]]);
});

Deno.test("no claim displaces an owner that was admitted, even while the coordinator waits again", () => {
  const scene = active();
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  const { version } = scene.leases("a").config!;
  const holders = [{ holder: { address: "x", incarnation: 1 }, age: 0 }];
  scene.step({ type: "leasesAdopted", from: "a", incarnation: 1, version, holders });
  assertEquals(scene.coordinator.phase, "recovering");
  const explained = scene.coordinator.explain().join();
  assert(/reports of nodes that may hold a lease: x/.test(explained), explained);
  const told = scene.report("c", [[4, 6, 0]], { lastEpoch: 6 });
  assertEquals(orders(told, "handOff").map(([to, shard]) => [to, shard]), [["c", 4]]);
  assertEquals(scene.coordinator.table(shardType)!.grant(4)!.owner, "b");
});

Deno.test("when the epochs of a term are used up, a later term begins, whose epochs are all higher", () => {
  // The second was named by a report, and belongs to a later term.
  for (const lastEpoch of [epochsPerTerm - 1, 1_000 * epochsPerTerm + 7]) {
    const scene = active();
    const before = scene.term;
    scene.report("b", [[4, lastEpoch, 0]], { lastEpoch });
    assertEquals(orders(scene.locate("c", 9), "startShard"), []);
    assert(scene.term[0] > before[0], String(scene.term));
    const effects = ["a", "b", "c"].flatMap((from) =>
      scene.report(from, from === "b" ? [[4, lastEpoch, 0]] : [], { lastEpoch })
    );
    effects.push(...scene.locate("c", 9));
    const [order] = orders(effects, "startShard");
    assert(order !== undefined, "the next term grants the shard");
    assertEquals(order[2], epochBefore(scene.term) + 1);
    assert(order[2] > lastEpoch);
    assertEquals(scene.coordinator.table(shardType)!.grant(4)!.owner, "b");
  }
});

Deno.test("where all leave, the coordinator is the last voter; a node that joins then gets the vote", () => {
  const scene = active(["a", "b"]);
  const voters = (address: string) =>
    scene.leases(address).config!.voters.map(({ address }) => address);
  scene.report("b", [[4, 5, 1]], { lastEpoch: 5, retiring: true });
  scene.report("a", [], { retiring: true });
  assertEquals(voters("a"), ["a"]);
  assert(!scene.coordinator.isLast, "a shard still has an owner");
  scene.stopped("b", 4, 5);
  assert(scene.coordinator.isLast);
  scene.view("a", ["a", "b", "c"]);
  assert(!scene.coordinator.isLast, "a full member does not leave");
  assertEquals(voters("a"), ["a"], "it has not reported yet, so it may not decide");
  scene.report("c", [], { lastEpoch: 5 });
  assertEquals(voters("a"), ["c"]);
  assertEquals(orders(scene.tick(1_000), "startShard"), [["c", 4, 6]]);
  assert(!scene.coordinator.isLast, "it goes as one that has no vote");
});

Deno.test("a holder whose claim has lost is excluded before the first shards are granted", () => {
  const scene = new Scene();
  const seen: string[][] = [];
  scene.coordinator.setStrategy(shardType, {
    allocate: (_shard, nodes) => {
      seen.push(nodes.map(({ address }) => address));
      return nodes[0]!.address;
    },
  });
  scene.view("a", ["a", "b", "c"]);
  scene.report("a");
  scene.report("b", [[4, 5, 0]], { lastEpoch: 5 });
  assertEquals(orders(scene.locate("a", 9), "startShard"), []);
  // The last report that is awaited names a later grant than that of b.
  assertEquals(orders(scene.report("c", [[4, 6, 0]]), "startShard"), [["a", 9, 7]]);
  assertEquals(seen, [["a", "c"]]);
});
