import type { ProjectionStore } from "./projection_store.ts";

/**
 * The offsets of a store, saved after the handlers instead of in their transaction: for handlers that
 * write elsewhere, such as to another system. A transaction would stay open while they wait, and does
 * not tell which events come again. Closing it closes the store.
 *
 * @example
 * ```ts
 * import {
 *   atLeastOnce,
 *   memoryJournal,
 *   projection,
 *   sqliteProjectionStore,
 * } from "@casty/casty/persistence";
 *
 * const folder = await Deno.makeTempDir();
 * const store = atLeastOnce(await sqliteProjectionStore(`${folder}/offsets.db`));
 * const search = projection<{ text: string }>({
 *   name: "search",
 *   journal: memoryJournal(),
 *   store,
 *   // May wait, and is told what it may have had before.
 *   handle: async ({ id, event, redelivered }) => {
 *     await Promise.resolve([id, event.text, redelivered]);
 *   },
 * });
 * console.assert(search.name === "search");
 * await store.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function atLeastOnce<T>(store: ProjectionStore<T>): ProjectionStore {
  return {
    name: store.name,
    open: (projection, range, grant) => store.open(projection, range, grant),
    save: (projection, saved) => store.save(projection, saved),
    setPaused: (projection, paused) => store.setPaused(projection, paused),
    reset: async (projection, clear) => {
      await store.reset(projection, undefined);
      await clear?.(undefined);
    },
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}
