import type { UnreachableReason } from "../../membership/state/gossip_state.ts";
import { isLeaving } from "../../membership/state/member.ts";
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
  /** Up, or leaving: it may have a vote on leases. */
  readonly full: boolean;
  /** The order in which members became up, from 1; 0: not yet. */
  readonly upNumber: number;
  /** Why it cannot be reached; undefined: it can. */
  readonly unreachable: UnreachableReason | undefined;
  readonly roles: readonly string[];
  /** Its availability zone, if it has one. */
  readonly zone?: string | undefined;
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
    const { address, status, incarnation, roles, zone, upNumber } = member;
    const joining = status === "joining" || status === "weaklyUp";
    if (status === "down" || status === "removed") continue;
    const { appVersion } = member as { readonly appVersion?: string };
    const eligible = status === "up" && !view.unreachable.has(address);
    const full = status === "up" || isLeaving(member);
    const unreachable = view.unreachable.has(address)
      ? view.unreachability.get(address)?.reason ?? "silent"
      : undefined;
    members.push({
      address,
      incarnation,
      eligible,
      joining,
      full,
      upNumber,
      unreachable,
      roles,
      zone,
      appVersion,
    });
  }
  members.sort((a, b) => a.address < b.address ? -1 : 1);
  return { self, leader: view.leader, members };
}
