import { PersistenceError } from "../errors.ts";
import type { SliceRange } from "../journal.ts";
import { offsetTablesVersion } from "./offset_tables.ts";

/** The error of a worker whose slices another one has opened. */
export function fencedWorker(projection: string, { from, to }: SliceRange): PersistenceError {
  const id = `projection ${projection}, slices ${from} to ${to}`;
  return new PersistenceError("fenced", `${id}: another worker has taken over`, {
    value: from,
    place: { id },
    remedy: "none is needed: the other one goes on, and nothing of this one was saved",
  });
}

/** The error of a store whose tables are of another version. */
export function otherTables(name: string, version: number): PersistenceError {
  return new PersistenceError("futureVersion", `${name} has offset tables of version ${version}`, {
    value: version,
    remedy: `use a version of Casty that knows it; this one knows ${offsetTablesVersion}`,
  });
}
