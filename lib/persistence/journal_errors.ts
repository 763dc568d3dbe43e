import { PersistenceError } from "./errors.ts";

/** The error of a writer that another one has replaced. */
export function fenced(id: string, own: number, other: number): PersistenceError {
  return new PersistenceError("fenced", `${id}: a writer of epoch ${other} has taken over`, {
    value: own,
    place: { id },
    remedy: "let this incarnation stop: the other one answers now",
  });
}

/** The error of a store that was closed. */
export function storeClosed(name: string): PersistenceError {
  return new PersistenceError("storeUnavailable", `the store ${name} was closed`, {
    value: name,
    remedy: "open another one",
  });
}
