import { resolveOptions } from "../../options/check_options.ts";
import { fileLeaseTable } from "../../options/tables/cluster_tables.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Storage, StorageError } from "../../runtime/storage.ts";
import { systemStorage } from "../../runtime/system_storage.ts";
import { VersionedFile } from "../../runtime/versioned_file.ts";
import { ClusterError } from "../errors.ts";
import { type Lease, type LeaseRecord, parseLeaseRecord } from "./lease.ts";
import { leaseIn } from "./lease_register.ts";

/** How a lease in a file or in Deno KV behaves. */
export interface LeaseOptions {
  /** Milliseconds after which it ends by itself; at least 70 000. Default 120 000. */
  readonly ttl?: number;
  /**
   * Tells the time of day; the clocks of all nodes must agree to some seconds. Default: the clock of
   * the node's runtime.
   */
  readonly clock?: Clock;
}

/** {@linkcode LeaseOptions} of a lease in a file. */
export interface FileLeaseOptions extends LeaseOptions {
  /** Where the files are. Default: the storage of the node's runtime. */
  readonly storage?: Storage;
}

/**
 * A lease in files, for nodes on one host or with a disk in common whose file system has atomic hard
 * links (local ones, NFS, CephFS). Each change of the lease is a file `<path>.<version>`, which one
 * process alone can create; the 16 before it are kept. There is no lock that a crash could leave.
 *
 * @param path the folder must exist and be writable.
 * @throws {OptionError}
 * @throws {ClusterError} from `acquire` and `release`, code `leaseUnusable`: the newest file is no
 * lease, or {@linkcode StorageError}.
 *
 * @example
 * ```ts
 * import { fileLease } from "@casty/casty";
 *
 * const folder = await Deno.makeTempDir();
 * const lease = fileLease(`${folder}/shop.lease`);
 * const first = await lease.acquire("node-1:25520");
 * const second = await lease.acquire("node-2:25520");
 * console.assert(first.granted && !second.granted);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function fileLease(path: string, options: FileLeaseOptions = {}): Lease {
  const { ttl, clock, storage = systemStorage } = resolveOptions(fileLeaseTable, options);
  const file = new VersionedFile(storage, path);
  const register = {
    name: path,
    read: async () => {
      const { version, bytes } = await readVersion(file);
      return { version, record: bytes && parseRecord(path, bytes) };
    },
    write: (version: number, record: LeaseRecord) =>
      file.write(version, new TextEncoder().encode(JSON.stringify(record))),
  };
  return {
    ...leaseIn(register, ttl, clock),
    bind: ({ clock, storage }) => fileLease(path, { clock, storage, ...options }),
  };
}

async function readVersion(file: VersionedFile): ReturnType<VersionedFile["read"]> {
  try {
    return await file.read();
  } catch (error) {
    if (error instanceof StorageError && error.code === "corrupt") {
      throw unusable(file.path, error.message, error);
    }
    throw error;
  }
}

function parseRecord(path: string, bytes: Uint8Array): LeaseRecord {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Refused below.
  }
  const record = parseLeaseRecord(value);
  if (record === undefined) throw unusable(path, "the content of the newest file is not a lease");
  return record;
}

function unusable(path: string, problem: string, cause?: unknown): ClusterError {
  return new ClusterError("leaseUnusable", `the lease ${path} cannot be used: ${problem}`, {
    value: path,
    remedy: `if no node runs, remove the files ${path}.*`,
    cause,
  });
}
