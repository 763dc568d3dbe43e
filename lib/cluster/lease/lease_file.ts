import { resolveOptions } from "../../options/check_options.ts";
import { leaseTable } from "../../options/tables/cluster_tables.ts";
import type { Clock } from "../../runtime/clock.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { ClusterError } from "../errors.ts";
import { grantLease, type Lease, type LeaseRecord, parseLeaseRecord } from "./lease.ts";

/** How a lease in a file or in Deno KV behaves. */
export interface LeaseOptions {
  /** Milliseconds after which it ends by itself; at least 70 000. Default 120 000. */
  readonly ttl?: number;
  /** Tells the time of day; the clocks of all nodes must agree to some seconds. Default: the machine's. */
  readonly clock?: Clock;
}

/** How long the lock of the file is tried for, and how often; milliseconds. */
const lockTime = 5_000;
const lockInterval = 20;
/** Bytes of a lease file at most. */
const maxSize = 4_096;

/**
 * A lease in a file, for nodes on one host or with a disk in common whose file system has locks
 * that work across hosts (NFS 4, CephFS). Beside it lies a lock file, `<path>.lock`, which is locked
 * while the lease is read and written, and a new content takes the place of the old at once.
 *
 * @param path the folder must exist and be writable.
 * @throws {OptionError}
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
export function fileLease(path: string, options: LeaseOptions = {}): Lease {
  const { ttl, clock } = checkLeaseOptions(options);
  return {
    acquire: (owner) =>
      withLock(path, clock, async () => {
        const record = await readRecord(path);
        const { answer, next } = grantLease(record, owner, clock.wallTime(), ttl);
        if (next !== undefined) await writeRecord(path, next);
        return answer;
      }),
    release: (owner) =>
      withLock(path, clock, async () => {
        const record = await readRecord(path);
        if (record?.owner === owner) await writeRecord(path, { ...record, owner: "" });
      }),
  };
}

/**
 * Fills in the defaults.
 *
 * @throws {OptionError}
 */
export function checkLeaseOptions(
  options: LeaseOptions,
): { readonly ttl: number; readonly clock: Clock } {
  const { ttl, clock = systemClock } = resolveOptions(leaseTable, options);
  return { ttl, clock };
}

async function withLock<T>(path: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  const file = await Deno.open(`${path}.lock`, { create: true, write: true });
  try {
    const deadline = clock.now() + lockTime;
    while (!(await file.tryLock(true))) {
      if (clock.now() >= deadline) throw broken(path, `it is locked for more than ${lockTime} ms`);
      await new Promise<void>((resolve) => void clock.schedule(lockInterval, resolve));
    }
    return await work();
  } finally {
    // Closing gives the lock back, too.
    file.close();
  }
}

async function readRecord(path: string): Promise<LeaseRecord | undefined> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > maxSize) throw broken(path, `it has ${size} bytes`);
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const record = parseLeaseRecord(parseJson(text));
  if (record === undefined) throw broken(path, "its content is not a lease");
  return record;
}

async function writeRecord(path: string, record: LeaseRecord): Promise<void> {
  const next = `${path}.next`;
  const file = await Deno.open(next, { create: true, write: true, truncate: true });
  try {
    await file.write(new TextEncoder().encode(JSON.stringify(record)));
    await file.sync();
  } finally {
    file.close();
  }
  await Deno.rename(next, path);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function broken(path: string, problem: string): ClusterError {
  return new ClusterError("leaseUnusable", `the lease file ${path} cannot be used: ${problem}`, {
    value: path,
    remedy: "if no node runs, remove it",
  });
}
