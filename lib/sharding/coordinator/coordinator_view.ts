import type { MembershipView } from "../../membership/state/view.ts";

/** A member that may own shards. */
export interface ViewMember {
  readonly address: string;
  /** Tells lives at one address apart. */
  readonly incarnation: number;
  /** Up and reachable: may be given shards. */
  readonly eligible: boolean;
  readonly roles: readonly string[];
  /** Version of the application, if it says one. */
  readonly appVersion: string | undefined;
}

/** What the coordinator needs to know of the cluster. */
export interface CoordinatorView {
  readonly self: string;
  readonly leader: string | undefined;
  /** Members that may own shards: up or on their way out, reachable or not; sorted by address. */
  readonly members: readonly ViewMember[];
  /** Whether all reachable members have seen the same. */
  readonly converged: boolean;
}

/** What of the membership matters for shards. */
export function coordinatorView(self: string, view: MembershipView): CoordinatorView {
  const members: ViewMember[] = [];
  for (const member of view.members) {
    const { address, status, incarnation, roles } = member;
    if (status !== "up" && status !== "leaving" && status !== "exiting") continue;
    const { appVersion } = member as { readonly appVersion?: string };
    const eligible = status === "up" && !view.unreachable.has(address);
    members.push({ address, incarnation: incarnation, eligible, roles, appVersion });
  }
  members.sort((a, b) => a.address < b.address ? -1 : 1);
  return { self, leader: view.leader, members, converged: view.converged };
}
