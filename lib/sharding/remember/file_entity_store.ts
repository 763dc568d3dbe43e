import { resolveOptions } from "../../options/check_options.ts";
import { fileEntityStoreTable } from "../../options/tables/sharding_tables.ts";
import { folderOf, isNotFound, type Storage } from "../../runtime/storage.ts";
import { systemStorage } from "../../runtime/system_storage.ts";
import { type FileVersion, VersionedFile } from "../../runtime/versioned_file.ts";
import { ShardingError } from "../errors.ts";
import { isEntityId } from "../routing/protocol.ts";
import type { EntityListStamp, EntityStore, StampedEntities } from "./remember_options.ts";

/** How {@linkcode fileEntityStore} stores. */
export interface FileEntityStoreOptions {
  /** Where the files are. Default: the storage of the node's runtime. */
  readonly storage?: Storage;
}

/**
 * Keeps which entities run in files, in a folder for each shard. All nodes need the same folder: on
 * one host, or on a disk in common whose file system has atomic hard links (local ones, NFS, CephFS).
 * A list is durable when `save` resolves. Each is a file `list.<version>`, which one node alone can
 * make, so no node overwrites what it has not read; the 16 before it are kept.
 *
 * @param folder is made if there is none, private to the user of the process.
 * @throws {OptionError}
 * @throws {ShardingError} from `load`, code `badEntityStore`: a file is no list of ids; from `save`,
 * code `entityListChanged`: another node has saved the list since it was loaded here.
 * @throws {StorageError} from `load` and `save`.
 *
 * @example
 * ```ts
 * import { fileEntityStore } from "@casty/casty";
 *
 * const folder = await Deno.makeTempDir();
 * const store = fileEntityStore(folder);
 * await store.save("carts", 3, ["cart-7"], { cluster: "shop", epoch: 1, change: 1 });
 * const list = await store.load("carts", 3);
 * console.assert("stamp" in list && list.ids.join() === "cart-7");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function fileEntityStore(
  folder: string,
  options: FileEntityStoreOptions = {},
): EntityStore {
  const { storage = systemStorage } = resolveOptions(fileEntityStoreTable, options);
  /** The version that was read or written last here, by path. */
  const known = new Map<string, number>();
  const fileOf = (shardType: string, shard: number) => {
    const path = `${folder}/${encodeURIComponent(shardType)}-${shard}/list`;
    return new VersionedFile(storage, path, maxSize);
  };
  return {
    load: async (shardType, shard) => {
      const file = fileOf(shardType, shard);
      const { version, bytes } = await readVersion(file);
      const list = bytes === undefined ? [] : parseList(file.path, bytes);
      known.set(file.path, version);
      return list;
    },
    save: async (shardType, shard, ids, stamp) => {
      const file = fileOf(shardType, shard);
      const version = known.get(file.path) ?? (await readVersion(file)).version;
      if (version === 0) await storage.makeFolder(folderOf(file.path));
      const bytes = new TextEncoder().encode(JSON.stringify({ ids, stamp }));
      // Until it is known what is there, nothing may be overwritten.
      known.set(file.path, -1);
      if (version === -1 || !await file.write(version, bytes)) {
        throw new ShardingError("entityListChanged", `${file.path} was changed by another node`, {
          value: file.path,
          remedy: "load the list again",
        });
      }
      known.set(file.path, version + 1);
    },
    bind: ({ storage }) => fileEntityStore(folder, { storage, ...options }),
  };
}

/** Bytes of a list at most: 10 000 ids of 512 bytes. */
const maxSize = 8_388_608;

async function readVersion(file: VersionedFile): Promise<FileVersion> {
  try {
    return await file.read();
  } catch (error) {
    if (isNotFound(error)) return { version: 0, bytes: undefined };
    throw error;
  }
}

function parseList(path: string, bytes: Uint8Array): StampedEntities {
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Refused below, with its path.
  }
  if (isList(list)) return list;
  throw new ShardingError("badEntityStore", `${path} is no list of entity ids`, {
    value: path,
    remedy: "remove its folder: the entities then start with their next message",
  });
}

function isList(value: unknown): value is StampedEntities {
  if (typeof value !== "object" || value === null) return false;
  const { ids, stamp } = value as Partial<StampedEntities>;
  if (!Array.isArray(ids) || !ids.every(isEntityId)) return false;
  if (typeof stamp !== "object" || stamp === null) return false;
  const { cluster, epoch, change } = stamp as Partial<EntityListStamp>;
  return typeof cluster === "string" && Number.isSafeInteger(epoch) &&
    Number.isSafeInteger(change);
}
