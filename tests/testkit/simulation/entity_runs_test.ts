import { assertEquals } from "@std/assert";
import { EntityRuns, type ObservedNode } from "../../../lib/testkit/simulation/entity_runs.ts";

interface FakeNode {
  readonly name: string;
  starts: number;
  alive: boolean;
  paused: boolean;
  suspended: boolean;
  epoch: number;
  cluster: string;
}

/** Nodes that run one entity, and a clock that is set by hand. */
class World {
  now = 0;
  readonly runs = new EntityRuns(() => this.now);

  node(name: string, epoch: number) {
    const fake: FakeNode = {
      name,
      starts: 1,
      alive: true,
      paused: false,
      suspended: false,
      epoch,
      cluster: "cluster",
    };
    let version = 0;
    const observed = {
      ...fake,
      view: { clusterId: "cluster", self: { incarnation: 7 } },
      running: {
        sharding: {
          get ownedVersion() {
            return version++;
          },
          ownedShards: () => [{ shardType: "carts", shard: 0, epoch: fake.epoch }],
          shardTable: () => [undefined],
        },
      },
    };
    const process = observed as unknown as ObservedNode;
    const reports = this.runs.reportsOf(process);
    const handle = (path = carts) => reports.onHandler(path);
    return { fake, process: observed, handle, stop: () => reports.onStopped(carts) };
  }

  get found() {
    return this.runs.found.map(({ older, newer, from, until, staleHandlers }) => [
      `${older.node} ${older.epoch}`,
      `${newer.node} ${newer.epoch}`,
      from,
      until,
      staleHandlers,
    ]);
  }
}

const carts = "/_region-carts/entity-a";

Deno.test("two nodes that run an entity are found once, with the span and what the older has run", () => {
  const world = new World();
  const [one, other] = [world.node("one", 4), world.node("other", 5)];
  one.handle();
  world.now = 10;
  other.handle();
  world.now = 20;
  one.handle(`${carts}/child`);
  one.handle();
  world.now = 35;
  one.stop();
  other.handle();
  assertEquals(world.found, [["one 4", "other 5", 10, 35, 2]]);
});

Deno.test("an entity that has stopped before the next one starts has one owner", () => {
  const world = new World();
  const [one, other] = [world.node("one", 4), world.node("other", 5)];
  one.handle();
  one.stop();
  other.handle();
  other.stop();
  one.fake.epoch = 6;
  one.handle();
  assertEquals(world.found, []);
});

Deno.test("an older grant that runs after a newer one is found although the newer has stopped", () => {
  const world = new World();
  const [one, other] = [world.node("one", 4), world.node("other", 5)];
  other.handle();
  other.stop();
  world.now = 50;
  one.handle();
  assertEquals(world.found, [["one 4", "other 5", 50, 50, 1]]);
});

Deno.test("what is paused or suspended does not run; once it goes on, it is found", () => {
  for (const state of ["paused", "suspended"] as const) {
    const world = new World();
    const [one, other] = [world.node("one", 4), world.node("other", 5)];
    one.handle();
    one.process[state] = true;
    other.handle();
    world.runs.scan();
    assertEquals(world.found, [], state);
    one.process[state] = false;
    world.now = 7;
    world.runs.scan();
    assertEquals(world.found, [["one 4", "other 5", 7, undefined, 0]], state);
  }
});

Deno.test("a process that is gone runs nothing, and actors that are no entities do not count", () => {
  const world = new World();
  const [one, other] = [world.node("one", 4), world.node("other", 5)];
  for (const path of ["/user", "/_region-carts", "/_region-carts/$1"]) {
    one.handle(path);
    other.handle(path);
  }
  one.handle();
  world.runs.onGone("one", 1);
  other.handle();
  assertEquals(world.found, []);
});
