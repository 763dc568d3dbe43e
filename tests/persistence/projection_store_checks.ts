import { assert, assertEquals, assertRejects } from "@std/assert";
import { PersistenceError, type ProjectionStore } from "../../lib/persistence/mod.ts";

/** A store, and what is written in its transactions. */
export interface StoreUnderTest<T> {
  readonly store: ProjectionStore<T>;
  /** Adds to the number of a key. */
  add?(transaction: T, key: string, amount: number): void | Promise<void>;
  /** Deletes all numbers. */
  clear?(transaction: T): void | Promise<void>;
  /** The number of a key that is committed. */
  total?(key: string): Promise<number>;
  /** The same store, as another process opens it. */
  again?(): Promise<ProjectionStore<T>>;
}

const range = { from: 0, to: 511 };
const other = { from: 512, to: 1_023 };

async function refused(code: string, promise: Promise<unknown>): Promise<void> {
  const error = await assertRejects(() => promise, PersistenceError);
  assertEquals((error as PersistenceError).code, code);
}

const sorted = (offsets: ReadonlyMap<number, bigint>) => [...offsets].sort(([a], [b]) => a - b);

/** What every store of offsets has to do. */
export const storeChecks: Readonly<
  Record<string, <T>(under: StoreUnderTest<T>) => Promise<void>>
> = {
  "a store is closed when a block with await using ends": async ({ store }) => {
    {
      await using used = store;
      await used.open("a", range, undefined);
    }
    await refused("storeUnavailable", store.open("a", range, undefined));
    await store[Symbol.asyncDispose]();
  },
  "offsets come back, by projection and by slices": async ({ store }) => {
    const first = await store.open("a", range, undefined);
    assertEquals([first.offsets.size, first.paused, first.opened], [0, false, false]);
    const { fence } = await store.open("a", other, undefined);
    const offsets = new Map([[3, 9_007_199_254_740_993n], [511, 1n]]);
    await store.save("a", { range, fence: first.fence, offsets });
    await store.save("a", { range: other, fence, offsets: new Map([[1_000, 7n]]) });
    const again = await store.open("a", range, undefined);
    assertEquals(sorted(again.offsets), sorted(offsets));
    assert(again.opened);
    assertEquals(sorted((await store.open("a", other, undefined)).offsets), [[1_000, 7n]]);
    assertEquals((await store.open("b", range, undefined)).offsets.size, 0);
  },
  "a worker saves nothing once another one has opened its slices": async (
    { store, add, total },
  ) => {
    const first = await store.open("a", range, 5);
    await store.save("a", { range, fence: first.fence, offsets: new Map([[1, 1n]]) });
    const second = await store.open("a", range, 6);
    const late = { range, fence: first.fence, offsets: new Map([[1, 2n]]) };
    await refused("fenced", store.save("a", late));
    if (store.transact !== undefined && add !== undefined) {
      await refused("fenced", store.transact("a", late, (tx) => add(tx, "x", 1)));
      assertEquals(await total!("x"), 0);
    }
    await refused("fenced", store.open("a", range, 5));
    await store.save("a", { ...late, fence: second.fence });
    assertEquals(sorted((await store.open("a", range, undefined)).offsets), [[1, 2n]]);
  },
  "workers of other ranges take over what they share": async ({ store }) => {
    const wide = { from: 0, to: 1_023 };
    const { fence } = await store.open("a", wide, undefined);
    await store.save("a", { range: wide, fence, offsets: new Map([[1, 1n], [600, 6n]]) });
    const low = await store.open("a", range, undefined);
    assertEquals(sorted(low.offsets), [[1, 1n]]);
    await refused("fenced", store.save("a", { range: wide, fence, offsets: new Map() }));
    assertEquals(sorted((await store.open("a", other, undefined)).offsets), [[600, 6n]]);
    const back = await store.open("a", wide, undefined);
    assertEquals(sorted(back.offsets), [[1, 1n], [600, 6n]]);
    await refused("fenced", store.save("a", { range, fence: low.fence, offsets: new Map() }));
  },
  "of workers that open at once, one may save": async ({ store }) => {
    const opened = await Promise.all(
      Array.from({ length: 8 }, () => store.open("a", range, undefined)),
    );
    const saves = await Promise.allSettled(
      opened.map(({ fence }, n) => {
        return store.save("a", { range, fence, offsets: new Map([[n, 1n]]) });
      }),
    );
    assertEquals(saves.filter(({ status }) => status === "fulfilled").length, 1);
  },
  "a pause is kept": async ({ store, again }) => {
    await store.setPaused("a", true);
    assert((await store.open("a", range, undefined)).paused);
    assert(!(await store.open("b", range, undefined)).paused);
    if (again !== undefined) {
      const reopened = await again();
      assert((await reopened.open("a", range, undefined)).paused);
      await reopened.close();
    }
    await store.setPaused("a", false);
    assert(!(await store.open("a", range, undefined)).paused);
  },
  "a reset forgets the offsets of this projection, and fences its workers": async ({ store }) => {
    const offsets = new Map([[1, 1n]]);
    const { fence } = await store.open("a", range, undefined);
    await store.save("a", { range, fence, offsets });
    const kept = await store.open("b", range, undefined);
    await store.save("b", { range, fence: kept.fence, offsets });
    await store.reset("a", undefined);
    await refused("fenced", store.save("a", { range, fence, offsets }));
    assertEquals((await store.open("a", range, undefined)).offsets.size, 0);
    assertEquals((await store.open("b", range, undefined)).offsets.size, 1);
  },
  "a closed store refuses everything as unavailable": async ({ store }) => {
    await store.open("a", range, undefined);
    await store.close();
    await store.close();
    await refused("storeUnavailable", store.open("a", range, undefined));
    await refused("storeUnavailable", store.save("a", { range, fence: 1, offsets: new Map() }));
    await refused("storeUnavailable", store.setPaused("a", true));
    await refused("storeUnavailable", store.reset("a", undefined));
  },
};

/** What a store with transactions has to do besides. */
export const transactionChecks: Readonly<
  Record<string, <T>(under: Required<StoreUnderTest<T>>) => Promise<void>>
> = {
  "what a handler has written is committed with the offset, or neither": async (
    { store, add, total },
  ) => {
    const { fence } = await store.open("a", range, undefined);
    const saved = { range, fence, offsets: new Map([[1, 1n]]) };
    await store.transact!("a", saved, (tx) => add(tx, "x", 5));
    assertEquals(await total("x"), 5);
    const boom = new Error("boom");
    const failing = store.transact!("a", { ...saved, offsets: new Map([[1, 2n]]) }, (tx) => {
      const added = add(tx, "x", 7);
      if (added === undefined) throw boom;
      return added.then(() => {
        throw boom;
      });
    });
    // The handler's own error, so that its event is known.
    assertEquals(await failing.catch((error) => error), boom);
    assertEquals(await total("x"), 5);
    assertEquals(sorted((await store.open("a", range, undefined)).offsets), [[1, 1n]]);
  },
  "an error of a handler may be of any class": async ({ store }) => {
    const { fence } = await store.open("a", range, undefined);
    const saved = { range, fence, offsets: new Map() };
    for (const thrown of [new PersistenceError("fenced", "not of this store"), "text", undefined]) {
      const failing = store.transact!("a", saved, () => {
        throw thrown;
      });
      const found = await failing.then(() => "nothing", (error) => ({ error }));
      assertEquals((found as { error: unknown }).error, thrown);
    }
  },
  "a reset clears in the same transaction": async ({ store, add, clear, total }) => {
    const { fence } = await store.open("a", range, undefined);
    const saved = { range, fence, offsets: new Map([[1, 1n]]) };
    await store.transact!("a", saved, (tx) => add(tx, "x", 5));
    const boom = new Error("boom");
    const failing = store.reset("a", (tx) => {
      const cleared = clear(tx);
      if (cleared === undefined) throw boom;
      return cleared.then(() => {
        throw boom;
      });
    });
    assertEquals(await failing.catch((error) => error), boom);
    assertEquals(await total("x"), 5);
    // Nothing has changed, not even the fence.
    await store.save("a", saved);
    await store.reset("a", clear);
    assertEquals(await total("x"), 0);
    assertEquals((await store.open("a", range, undefined)).offsets.size, 0);
  },
  "another process sees what is committed": async ({ store, again }) => {
    const { fence } = await store.open("a", range, undefined);
    await store.save("a", { range, fence, offsets: new Map([[1, 1n]]) });
    const reopened = await again();
    assertEquals(sorted((await reopened.open("a", range, undefined)).offsets), [[1, 1n]]);
    await refused("fenced", store.save("a", { range, fence, offsets: new Map() }));
    await reopened.close();
  },
};
