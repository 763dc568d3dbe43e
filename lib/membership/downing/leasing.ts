/**
 * How the leader of one side asks the lease which side may carry on. The lease itself is outside:
 * effects ask it, an event brings the answer.
 *
 * @module
 */
import { log, type Machine } from "../machine/machine.ts";
import { type LeaseAnswerEvent, newLeaseState } from "./lease_state.ts";

/** Between two attempts while the lease cannot be asked, milliseconds. */
const retryInterval = 1_000;
/** Without an answer for so long, it counts as not to be had, milliseconds. */
const answerTime = 10_000;
/** How long a lease is held after it was granted: a slow other side must find it taken. */
const holdTime = 60_000;

/** What the lease says about this side. */
export type LeaseVerdict =
  | { readonly outcome: "granted" | "open" }
  | { readonly outcome: "denied"; readonly why: string };

/** Asks from `due` on, and answers what is known. */
export function askLease(m: Machine, due: number, now: number): LeaseVerdict {
  const { lease } = m;
  if (lease.phase === "granted") return { outcome: "granted" };
  if (lease.phase === "denied") return { outcome: "denied", why: lease.why };
  if (now < due) return { outcome: "open" };
  if (lease.phase === "idle") Object.assign(lease, { phase: "asking", since: now, nextAt: now });
  if (now - lease.since >= answerTime) {
    // The other side may have been given it meanwhile.
    return {
      outcome: "denied",
      why: lease.why || `the lease has not answered in ${answerTime} ms`,
    };
  }
  if (now >= lease.nextAt) {
    lease.nextAt = Infinity;
    m.effects.push({ type: "acquireLease" });
  }
  return { outcome: "open" };
}

/** The lease has answered. */
export function onLeaseAnswer(
  m: Machine,
  { outcome, detail }: LeaseAnswerEvent,
  now: number,
): void {
  const { lease } = m;
  if (outcome === "granted") lease.grantedAt = now;
  if (lease.phase !== "asking") {
    // Nobody waits for it any more.
    if (outcome === "granted") m.effects.push({ type: "releaseLease" });
    return;
  }
  log(m, outcome === "granted" ? "info" : "warn", "the lease has answered", { outcome, detail });
  if (outcome === "granted") lease.phase = "granted";
  else if (outcome === "failed") {
    lease.why = `the lease cannot be asked: ${detail}`;
    lease.nextAt = now + retryInterval;
  } else if (isOurs(m, detail)) {
    // Its holder is on this side, and acts.
    lease.since = now;
    lease.nextAt = now + retryInterval;
  } else Object.assign(lease, { phase: "denied", why: `${detail} holds the lease` });
}

/** The partition is over, or another one: what was asked for the last does not count. */
export function forgetLease(m: Machine, now: number): void {
  const { lease } = m;
  if (lease.phase === "idle") return;
  if (lease.phase === "granted") {
    // Those who were cut off may be late to ask.
    if (now - lease.grantedAt < holdTime) return;
    m.effects.push({ type: "releaseLease" });
  }
  m.lease = newLeaseState();
}

function isOurs(m: Machine, holder: string): boolean {
  return m.view.members.some(({ address }) => address === holder) &&
    !m.view.unreachable.has(holder);
}
