import { assertEquals } from "@std/assert";
import { EntityListSaver } from "../../lib/sharding/remember/entity_list_saver.ts";
import type {
  EntityListStamp,
  EntityStore,
  StampedEntities,
} from "../../lib/sharding/remember/remember_options.ts";
import { ShardingError } from "../../lib/sharding/errors.ts";

/** A store in memory that several nodes use; it notices what was saved since a node has loaded it. */
class SharedStore {
  list: StampedEntities | undefined;
  version = 0;

  forNode(): EntityStore {
    let known = 0;
    return {
      load: () => {
        known = this.version;
        return Promise.resolve(this.list ?? []);
      },
      save: (_type, _shard, ids, stamp) => {
        if (known !== this.version) {
          const error = new ShardingError("entityListChanged", "changed", { remedy: "load it" });
          return Promise.reject(error);
        }
        this.list = { ids, stamp };
        known = ++this.version;
        return Promise.resolve();
      },
    };
  }
}

/** An owner of shard 0 that never learns that it was replaced. */
function owner(store: SharedStore, stamp: EntityListStamp) {
  const ids: string[] = [];
  const saver: EntityListSaver = new EntityListSaver("jobs", store.forNode(), {
    owns: () => true,
    idsOf: () => ids,
    stampOf: () => stamp,
    onRead: () => saver.onChanged(0),
    log: () => {},
  });
  saver.onStarted(0);
  return {
    saver,
    /** Starts an entity, and saves as often as a leaving node does. */
    start: async (id: string) => {
      ids.push(id);
      saver.onChanged(0);
      await saver.saved();
    },
  };
}

const stampOf = (epoch: number, cluster = "shop"): EntityListStamp => ({
  cluster,
  epoch,
  change: 1,
});

Deno.test("an owner that was replaced does not overwrite the list of the next one", async () => {
  const store = new SharedStore();
  const older = owner(store, stampOf(1));
  await older.start("first");
  assertEquals(store.list?.ids, ["first"]);
  const newer = owner(store, stampOf(2));
  await newer.start("second");
  assertEquals(store.list?.ids, ["second"]);
  // It is told that the list was changed, reads it, and tries again.
  await older.start("third");
  older.saver.tick();
  await older.saver.saved();
  assertEquals(store.list, { ids: ["second"], stamp: stampOf(2) });
  // Also when its shard stops at last, whether it has read the list or not.
  older.saver.onStopped(0);
  await older.saver.saved();
  const late = owner(store, stampOf(1));
  late.saver.onStopped(0);
  await late.saver.saved();
  assertEquals(store.list, { ids: ["second"], stamp: stampOf(2) });
});

Deno.test("the list of an earlier owner and that of another cluster are replaced", async () => {
  const store = new SharedStore();
  await owner(store, stampOf(5)).start("first");
  await owner(store, stampOf(6)).start("second");
  assertEquals(store.list?.ids, ["second"]);
  // Clusters have no order.
  await owner(store, stampOf(1, "another")).start("third");
  assertEquals(store.list?.ids, ["third"]);
});
