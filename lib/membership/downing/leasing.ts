/**
 * How the leader of one side acquires the lease that decides which side survives. The lease is
 * outside the machine: an effect requests it, an event carries the answer.
 *
 * @module
 */
import { log, type Machine } from "../machine/machine.ts";
import { type LeaseAnswerEvent, newLeaseState } from "./lease_state.ts";

/** Between two attempts while the lease store is unavailable, milliseconds. */
const retryInterval = 1_000;
/** Without an answer for so long, the lease counts as denied, milliseconds. */
const answerTime = 10_000;
/** How long a granted lease is held, so that a slow other side finds it taken; milliseconds. */
const holdTime = 60_000;

/** The verdict of the lease on this side. */
export type LeaseVerdict =
  | { readonly outcome: "granted" | "open" }
  | { readonly outcome: "denied"; readonly why: string };

/** Requests the lease from `due` on. Returns the verdict so far. */
export function requestLease(m: Machine, due: number, now: number): LeaseVerdict {
  const { lease } = m;
  if (lease.phase === "granted") return { outcome: "granted" };
  if (lease.phase === "denied") return { outcome: "denied", why: lease.why };
  if (now < due) return { outcome: "open" };
  if (lease.phase === "idle") {
    Object.assign(lease, { phase: "requesting", since: now, nextAt: now });
  }
  if (now - lease.since >= answerTime) {
    // The other side may have acquired it meanwhile.
    return {
      outcome: "denied",
      why: lease.why || `the lease has not answered within ${answerTime} ms`,
    };
  }
  if (now >= lease.nextAt) {
    lease.nextAt = Infinity;
    m.effects.push({ type: "acquireLease" });
  }
  return { outcome: "open" };
}

/** Handles the answer of the lease. */
export function onLeaseAnswer(
  m: Machine,
  { outcome, detail }: LeaseAnswerEvent,
  now: number,
): void {
  const { lease } = m;
  if (outcome === "granted") lease.grantedAt = now;
  if (lease.phase !== "requesting") {
    // The request was abandoned.
    if (outcome === "granted") m.effects.push({ type: "releaseLease" });
    return;
  }
  log(m, outcome === "granted" ? "info" : "warn", "lease answered", { outcome, detail });
  if (outcome === "granted") lease.phase = "granted";
  else if (outcome === "failed") {
    lease.why = `the lease is unavailable: ${detail}`;
    lease.nextAt = now + retryInterval;
  } else if (isOurs(m, detail)) {
    // The holder is on this side and acts.
    lease.since = now;
    lease.nextAt = now + retryInterval;
  } else Object.assign(lease, { phase: "denied", why: `${detail} holds the lease` });
}

/** Abandons the request: the partition has healed or changed. */
export function abandonRequest(m: Machine, now: number): void {
  const { lease } = m;
  if (lease.phase === "idle") return;
  if (lease.phase === "granted") {
    // The other side may request it late.
    if (now - lease.grantedAt < holdTime) return;
    m.effects.push({ type: "releaseLease" });
  }
  m.lease = newLeaseState();
}

function isOurs(m: Machine, holder: string): boolean {
  return m.silenceView.members.some(({ address }) => address === holder) &&
    !m.silenceView.unreachable.has(holder);
}
