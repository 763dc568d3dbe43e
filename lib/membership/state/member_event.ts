import type { UnreachableReason } from "./gossip_state.ts";
import type { DownEvidence, Member } from "./member.ts";

/** A joining node was admitted. */
export interface MemberJoined {
  /** Names the event. */
  readonly type: "memberJoined";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member became up: it takes work. */
export interface MemberUp {
  /** Names the event. */
  readonly type: "memberUp";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member became weakly up: it takes work, without shards and vote. */
export interface MemberWeaklyUp {
  /** Names the event. */
  readonly type: "memberWeaklyUp";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member is leaving. `memberRemoved` follows. */
export interface MemberLeft {
  /** Names the event. */
  readonly type: "memberLeft";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member was declared down. `memberRemoved` follows. */
export interface MemberDowned {
  /** Names the event. */
  readonly type: "memberDowned";
  /** The member, as it is now. */
  readonly member: Member;
  /** By which member, and why. */
  readonly evidence: DownEvidence;
}

/** A member was removed, after it left or was declared down. */
export interface MemberRemoved {
  /** Names the event. */
  readonly type: "memberRemoved";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member became unreachable. It remains a member until it is declared down. */
export interface UnreachableMember {
  /** Names the event. */
  readonly type: "unreachableMember";
  /** The member, as it is now. */
  readonly member: Member;
  /**
   * `stalled`: its process is alive but its event loop is stalled; `gone`: its system has ended all
   * connections and refuses new ones; `silent`: it does not respond, for an unknown reason.
   */
  readonly reason: UnreachableReason;
  /** Addresses of the observers; sorted. */
  readonly observers: readonly string[];
}

/** An unreachable member is reachable again. */
export interface ReachableMember {
  /** Names the event. */
  readonly type: "reachableMember";
  /** The member, as it is now. */
  readonly member: Member;
}

/** Another member became leader, or there is none. */
export interface LeaderChanged {
  /** Names the event. */
  readonly type: "leaderChanged";
  /** Address of the leader. */
  readonly leader: string | undefined;
}

/** Any change of the cluster in the view of this node. */
export type MemberEvent =
  | MemberJoined
  | MemberUp
  | MemberWeaklyUp
  | MemberLeft
  | MemberDowned
  | MemberRemoved
  | UnreachableMember
  | ReachableMember
  | LeaderChanged;
