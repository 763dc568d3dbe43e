import type { Clock } from "../../runtime/clock.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { ClusterError } from "../errors.ts";
import { grantLease, type Lease, type LeaseRecord } from "./lease.ts";

/** A record of a lease in some store, changed by compare-and-set. */
export interface LeaseRegister<V> {
  /** Names the lease in errors. */
  readonly name: unknown;
  /** The record and the version of it. */
  read(): Promise<{ readonly record: LeaseRecord | undefined; readonly version: V }>;
  /** Replaces the record if it still has the version; answers whether it had. */
  write(version: V, record: LeaseRecord): Promise<boolean>;
}

/** What must be left of a lease when it is granted: a side holds it for 60 s. */
const minLeft = 65_000;
/** How often a change that another asker has overtaken is tried again. */
const maxAttempts = 20;

/** A lease whose record is in a register. */
export function leaseIn<V>(
  register: LeaseRegister<V>,
  ttl: number,
  clock: Clock = systemClock,
): Omit<Lease, "bind"> {
  const change = async <T>(
    decide: (
      record: LeaseRecord | undefined,
    ) => { readonly answer: T; readonly next?: LeaseRecord },
    isGood: (next: LeaseRecord) => boolean,
  ): Promise<T> => {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { record, version } = await register.read();
      const { answer, next } = decide(record);
      if (next === undefined) return answer;
      if (await register.write(version, next) && isGood(next)) return answer;
    }
    throw new ClusterError("leaseUnusable", `the lease ${register.name} changes all the time`, {
      value: register.name,
    });
  };
  return {
    acquire: (owner) =>
      change(
        (record) => grantLease(record, owner, clock.wallTime(), ttl),
        // An asker that was held up while it wrote may hold a lease that is nearly over: prolong it.
        ({ until }) => until - clock.wallTime() >= minLeft,
      ),
    release: (owner) =>
      change(
        (record) =>
          record?.owner === owner
            ? { answer: undefined, next: { ...record, owner: "" } }
            : { answer: undefined },
        () => true,
      ),
  };
}
