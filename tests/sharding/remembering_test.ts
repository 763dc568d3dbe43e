import { assertEquals } from "@std/assert";
import { RememberEntities } from "../../lib/sharding/remember/remember_entities.ts";
import { ManualClock } from "../../lib/testkit/mod.ts";

/** A store whose answers come when they are let go. */
class SlowStore {
  readonly saved = new Map<number, readonly string[]>();
  readonly #held: (() => void)[] = [];

  load(_shardType: string, shard: number): Promise<readonly string[]> {
    return new Promise((resolve) => {
      this.#held.push(() => resolve(this.saved.get(shard) ?? []));
    });
  }

  save(_shardType: string, shard: number, ids: readonly string[]): Promise<void> {
    this.saved.set(shard, ids);
    return Promise.resolve();
  }

  letGo(): void {
    for (const go of this.#held.splice(0)) go();
  }
}

function remembering(store: SlowStore): RememberEntities {
  return new RememberEntities("carts", { store, batch: 5, interval: 100, maxPerShard: 10 }, {
    clock: new ManualClock(),
    numShards: 4,
    cluster: () => "cluster",
    others: () => [],
    send: () => {},
    wake: () => {},
    isOwned: () => true,
    locate: () => {},
    log: () => {},
  });
}

Deno.test("entities that started before the saved list was read are saved when the shard leaves", async () => {
  const store = new SlowStore();
  store.saved.set(3, ["older"]);
  const memory = remembering(store);
  memory.onShard(3, 1);
  memory.onStarted(3, "newer");
  memory.onShard(3, undefined);
  const saved = memory.saved();
  // One answer each turn, for as long as something is asked.
  const turns = setInterval(() => store.letGo(), 0);
  await saved;
  clearInterval(turns);
  assertEquals([...store.saved.get(3)!].sort(), ["newer", "older"]);
  memory.close();
});

Deno.test("changes during the read of a saved list are saved", async () => {
  const store = new SlowStore();
  const memory = remembering(store);
  memory.onShard(3, 1);
  memory.onStarted(3, "cart-7");
  const saved = memory.saved();
  store.letGo();
  await saved;
  assertEquals(store.saved.get(3), ["cart-7"]);
  memory.close();
});
