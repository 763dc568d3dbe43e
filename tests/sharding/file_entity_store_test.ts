import { assert, assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "../../lib/runtime/storage.ts";
import { ShardingError } from "../../lib/sharding/errors.ts";
import { fileEntityStore } from "../../lib/sharding/remember/file_entity_store.ts";
import { RememberEntities } from "../../lib/sharding/remember/remember_entities.ts";
import type { EntityStore } from "../../lib/sharding/remember/remember_options.ts";
import { FailingMachines } from "../runtime/failing_machines.ts";

const stamp = (epoch: number, change = 1, cluster = "shop") => ({ cluster, epoch, change });

Deno.test("a list is kept with its stamp; a shard without one is empty", async () => {
  const folder = await Deno.makeTempDir();
  const store = fileEntityStore(`${folder}/lists`);
  assertEquals(await store.load("carts/1", 3), []);
  await store.save("carts/1", 3, ["a", "b"], stamp(1));
  await store.save("carts/1", 3, ["b"], stamp(1, 2));
  assertEquals(await fileEntityStore(`${folder}/lists`).load("carts/1", 3), {
    ids: ["b"],
    stamp: stamp(1, 2),
  });
  assertEquals(await store.load("carts/1", 4), []);
  for (let change = 3; change < 60; change++) {
    await store.save("carts/1", 3, ["b"], stamp(1, change));
  }
  const names = [...Deno.readDirSync(`${folder}/lists/carts%2F1-3`)];
  assert(names.length <= 20, `${names.length} files`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a file that is no list is refused, with its path", async () => {
  const machines = new FailingMachines(1);
  const { storage } = machines.start("a");
  const store = fileEntityStore("/data", { storage });
  for (const text of ["", "[]", '{"ids":["x"]}', '{"ids":[7],"stamp":{}}']) {
    const write = async () => {
      await storage.makeFolder("/data/carts-1");
      const file = await storage.open("/data/carts-1/list.000000000001", "truncate");
      await file.append(new TextEncoder().encode(text));
    };
    await machines.clock.resolve(write());
    const loading = machines.clock.resolve(store.load("carts", 1));
    const error = await assertRejects(() => loading, ShardingError);
    assertEquals(error.code, "badEntityStore");
    assert(error.message.includes("/data/carts-1/list"), error.message);
  }
});

Deno.test("a node does not overwrite what another has saved since, until it has read that", async () => {
  const machines = new FailingMachines(1);
  const [one, other] = ["a", "b"].map((host) =>
    fileEntityStore("/data", { storage: machines.start(host).storage })
  ) as [EntityStore, EntityStore];
  const run = <T>(work: Promise<T>) => machines.clock.resolve(work);
  await run(one.load("carts", 1));
  await run(other.load("carts", 1));
  await run(one.save("carts", 1, ["x"], stamp(1)));
  for (let attempt = 0; attempt < 2; attempt++) {
    const saving = run(other.save("carts", 1, ["y"], stamp(2)));
    const error = await assertRejects(() => saving, ShardingError);
    assertEquals(error.code, "entityListChanged");
  }
  assertEquals(await run(other.load("carts", 1)), { ids: ["x"], stamp: stamp(1) });
  await run(other.save("carts", 1, ["x", "y"], stamp(2)));
  assertEquals(await run(one.load("carts", 1)), { ids: ["x", "y"], stamp: stamp(2) });
});

Deno.test("after a save that failed nothing is overwritten until the list was read again", async () => {
  const machines = new FailingMachines(1);
  const { storage, faults } = machines.start("a");
  const store = fileEntityStore("/data", { storage });
  const run = <T>(work: Promise<T>) => machines.clock.resolve(work);
  await run(store.save("carts", 1, ["x"], stamp(1)));
  const end = faults.begin({ type: "diskFull", at: 0, for: 1, node: "a" });
  const failing = run(store.save("carts", 1, ["x", "y"], stamp(1, 2)));
  assertEquals((await assertRejects(() => failing, StorageError)).code, "full");
  end();
  const blind = run(store.save("carts", 1, ["x", "y"], stamp(1, 2)));
  assertEquals((await assertRejects(() => blind, ShardingError)).code, "entityListChanged");
  await run(store.load("carts", 1));
  await run(store.save("carts", 1, ["x", "y"], stamp(1, 2)));
  assertEquals(await run(store.load("carts", 1)), { ids: ["x", "y"], stamp: stamp(1, 2) });
});

/** The driver of a node that uses a store. */
function driver(machines: FailingMachines, store: EntityStore, woken: string[]): RememberEntities {
  return new RememberEntities("carts", { store, batch: 5, interval: 100, maxPerShard: 10 }, {
    clock: machines.clock,
    numShards: 4,
    cluster: () => "shop",
    others: () => [],
    send: () => {},
    wake: (_shard, id) => void woken.push(id),
    isOwned: () => true,
    locate: () => {},
    log: () => {},
  });
}

Deno.test("an owner takes over what the one before has saved after it was read", async () => {
  const machines = new FailingMachines(1);
  const store = () => fileEntityStore("/data", { storage: machines.start("a").storage });
  const [former, observer] = [store(), store()];
  const woken: string[] = [];
  const memory = driver(machines, store(), woken);
  memory.onShard(1, 2);
  await machines.clock.advance(100);
  // The former owner was slow.
  await machines.clock.resolve(former.save("carts", 1, ["late"], stamp(1, 9)));
  memory.onStarted(1, "new");
  for (let tick = 0; tick < 4; tick++) {
    memory.tick();
    await machines.clock.advance(250);
  }
  await machines.clock.resolve(memory.saved());
  assertEquals(woken, ["late"]);
  const list = await machines.clock.resolve(observer.load("carts", 1));
  assert("stamp" in list);
  assertEquals([...list.ids].sort(), ["late", "new"]);
  assertEquals([list.stamp.cluster, list.stamp.epoch], ["shop", 2]);
  memory.close();
});

Deno.test("a list of an earlier cluster counts until this one has saved its own", async () => {
  const machines = new FailingMachines(1);
  const store = () => fileEntityStore("/data", { storage: machines.start("a").storage });
  await machines.clock.resolve(store().save("carts", 1, ["older"], stamp(7, 3, "before")));
  const woken: string[] = [];
  const memory = driver(machines, store(), woken);
  // Another node has owned the shard, could not read the list, and has replicated what it started.
  memory.receive("b", {
    type: "list",
    shardType: "carts",
    shard: 1,
    epoch: 1,
    change: 2,
    ids: ["newer"],
  });
  memory.onShard(1, 2);
  await machines.clock.advance(500);
  assertEquals(woken.sort(), ["newer", "older"]);
  memory.close();
});
