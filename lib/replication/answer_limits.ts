import { rules } from "../runtime/rules.ts";
import type { ReplicaMessage } from "./replication_protocol.ts";

/**
 * Whether a copy can have said this of itself. A node speaks for its own store only, and a copy that has
 * promised an epoch has nothing of a later one.
 */
export function isOwnAnswer(from: string, message: ReplicaMessage): boolean {
  if (message.type === "epochRefused" || !rules.runnersHaveCopies) return true;
  if (message.store.address !== from) return false;
  if (message.type !== "epochPromised") return true;
  const { epoch, copy: { config, last, acked } } = message;
  return (config?.version[0] ?? 0) <= epoch && last.epoch <= epoch && acked <= last.index;
}
