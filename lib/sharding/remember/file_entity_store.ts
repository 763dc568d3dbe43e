import { ShardingError } from "../errors.ts";
import type { EntityStore } from "./remember_options.ts";
import { isEntityId } from "../routing/protocol.ts";

/**
 * Keeps which entities run in files of a folder, one for each shard. All nodes need the same folder: on
 * one host, or on a disk in common.
 *
 * @param folder is made if there is none.
 * @throws {ShardingError} from `load`, code `badEntityStore`: a file is no list of ids.
 *
 * @example
 * ```ts
 * import { fileEntityStore } from "@casty/casty";
 *
 * const folder = await Deno.makeTempDir();
 * const store = fileEntityStore(folder);
 * await store.save("carts", 3, ["cart-7"]);
 * console.assert((await store.load("carts", 3)).join() === "cart-7");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function fileEntityStore(folder: string): EntityStore {
  const fileOf = (shardType: string, shard: number) =>
    `${folder}/${encodeURIComponent(shardType)}-${shard}.json`;
  return {
    load: async (shardType, shard) => {
      const path = fileOf(shardType, shard);
      try {
        return parseIds(path, await Deno.readTextFile(path));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    },
    save: async (shardType, shard, entityIds) => {
      await Deno.mkdir(folder, { recursive: true });
      const path = fileOf(shardType, shard);
      // A process that ends half-way leaves the old list; another one writes a file of its own.
      const next = `${path}.${Deno.pid}`;
      await Deno.writeTextFile(next, JSON.stringify(entityIds));
      await Deno.rename(next, path);
    },
  };
}

function parseIds(path: string, text: string): readonly string[] {
  let ids: unknown;
  try {
    ids = JSON.parse(text);
  } catch {
    // Refused below, with its path.
  }
  if (Array.isArray(ids) && ids.every(isEntityId)) return ids;
  throw new ShardingError("badEntityStore", `${path} is no list of entity ids`, {
    value: path,
    remedy: "remove the file: its entities then start with their next message",
  });
}
