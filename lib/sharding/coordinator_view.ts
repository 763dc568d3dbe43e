import type { MembershipView } from "../membership/view.ts";
import type { CoordinatorView } from "./coordinator.ts";

/** What of the membership matters for shards. */
export function coordinatorView(self: string, view: MembershipView): CoordinatorView {
  const members: string[] = [];
  const candidates: string[] = [];
  for (const { address, status } of view.members) {
    if (status !== "up" && status !== "leaving" && status !== "exiting") continue;
    members.push(address);
    if (status === "up" && !view.unreachable.has(address)) candidates.push(address);
  }
  return {
    self,
    leader: view.leader,
    members: members.toSorted(),
    candidates: candidates.toSorted(),
  };
}
