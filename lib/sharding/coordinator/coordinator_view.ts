import type { MembershipView } from "../../membership/state/view.ts";

/** A member that owns shards, or will be able to. */
export interface ViewMember {
  readonly address: string;
  /** A later incarnation at the same address has a higher number. */
  readonly incarnation: number;
  /** Up and reachable: may be granted shards. */
  readonly eligible: boolean;
  /** Admitted, and not up yet in this view. The leader may know more. */
  readonly joining: boolean;
  readonly roles: readonly string[];
  /** Version of the application, if it has one. */
  readonly appVersion: string | undefined;
}

/** The membership, as far as it matters to the coordinator. */
export interface CoordinatorView {
  readonly self: string;
  readonly leader: string | undefined;
  /**
   * Members that may own shards, reachable or not; sorted by address. Joining ones too: the leader
   * before may have seen them up, and granted them shards.
   */
  readonly members: readonly ViewMember[];
}

/** The part of the membership that the coordinator needs. */
export function coordinatorView(self: string, view: MembershipView): CoordinatorView {
  const members: ViewMember[] = [];
  for (const member of view.members) {
    const { address, status, incarnation, roles } = member;
    const joining = status === "joining" || status === "weaklyUp";
    if (status === "down" || status === "removed") continue;
    const { appVersion } = member as { readonly appVersion?: string };
    const eligible = status === "up" && !view.unreachable.has(address);
    members.push({ address, incarnation, eligible, joining, roles, appVersion });
  }
  members.sort((a, b) => a.address < b.address ? -1 : 1);
  return { self, leader: view.leader, members };
}
