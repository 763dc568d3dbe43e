import { replaceFile } from "../../runtime/atomic_file.ts";
import { isNotFound, type Storage } from "../../runtime/storage.ts";
import { systemStorage } from "../../runtime/system_storage.ts";
import { ShardingError } from "../errors.ts";
import { isEntityId } from "../routing/protocol.ts";
import type { EntityStore } from "./remember_options.ts";

/** How {@linkcode fileEntityStore} stores. */
export interface FileEntityStoreOptions {
  /** Where the files are. Default: the storage of the node's runtime. */
  readonly storage?: Storage;
}

/**
 * Keeps which entities run in files of a folder, one for each shard. All nodes need the same folder: on
 * one host, or on a disk in common. A list is replaced as a whole, and is durable when `save` resolves.
 *
 * @param folder is made if there is none, private to the user of the process.
 * @throws {ShardingError} from `load`, code `badEntityStore`: a file is no list of ids.
 * @throws {StorageError} from `load` and `save`.
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
export function fileEntityStore(
  folder: string,
  options: FileEntityStoreOptions = {},
): EntityStore {
  const { storage = systemStorage } = options;
  const fileOf = (shardType: string, shard: number) =>
    `${folder}/${encodeURIComponent(shardType)}-${shard}.json`;
  return {
    load: async (shardType, shard) => {
      const path = fileOf(shardType, shard);
      try {
        return parseIds(path, await storage.read(path));
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    },
    save: async (shardType, shard, entityIds) => {
      await storage.makeFolder(folder);
      const bytes = new TextEncoder().encode(JSON.stringify(entityIds));
      await replaceFile(storage, fileOf(shardType, shard), bytes);
    },
    bind: ({ storage }) => fileEntityStore(folder, { storage, ...options }),
  };
}

function parseIds(path: string, bytes: Uint8Array): readonly string[] {
  let ids: unknown;
  try {
    ids = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Refused below, with its path.
  }
  if (Array.isArray(ids) && ids.every(isEntityId)) return ids;
  throw new ShardingError("badEntityStore", `${path} is no list of entity ids`, {
    value: path,
    remedy: "remove the file: its entities then start with their next message",
  });
}
