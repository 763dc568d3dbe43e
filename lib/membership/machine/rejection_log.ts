import { rules } from "../../runtime/rules.ts";
import type { Machine } from "./machine.ts";

/** Between two log lines about the rejection of one node, milliseconds, and the nodes tracked. */
const rejectedLogInterval = 60_000;
const maxLoggedRejections = 1_000;

/** Logs a rejection once a minute per node and code: the node keeps retrying. */
export function logRejection(
  m: Machine,
  from: string,
  ground: string,
  now: number,
  say: () => void,
): void {
  const { rejected } = m.joining;
  const key = `${from} ${ground}`;
  const last = rejected.get(key);
  const isRecent = last !== undefined && now - last < rejectedLogInterval;
  if (isRecent && rules.rejectionLogIsRateLimited) return;
  if (rejected.size >= maxLoggedRejections) {
    for (const [old, at] of rejected) if (now - at >= rejectedLogInterval) rejected.delete(old);
    if (rejected.size >= maxLoggedRejections) return;
  }
  rejected.set(key, now);
  say();
}
