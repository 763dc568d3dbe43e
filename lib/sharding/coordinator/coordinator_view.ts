import type { MembershipView } from "../../membership/state/view.ts";

/** A member that may own shards. */
export interface ViewMember {
  readonly address: string;
  /** A later incarnation at the same address has a higher number. */
  readonly incarnation: number;
  /** Up and reachable: may be granted shards. */
  readonly eligible: boolean;
  readonly roles: readonly string[];
  /** Version of the application, if it has one. */
  readonly appVersion: string | undefined;
}

/** The membership, as far as it matters to the coordinator. */
export interface CoordinatorView {
  readonly self: string;
  readonly leader: string | undefined;
  /** Members that may own shards: up or leaving, reachable or not; sorted by address. */
  readonly members: readonly ViewMember[];
  /** Whether all reachable members have seen the same. */
  readonly converged: boolean;
}

/** The part of the membership that the coordinator needs. */
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
