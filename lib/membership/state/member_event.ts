import type { UnreachableReason } from "./gossip_state.ts";
import type { DownEvidence, Member } from "./member.ts";

/** A node has asked to come in and is known now. */
export interface MemberJoined {
  /** Names the event. */
  readonly type: "memberJoined";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member is confirmed: work may be given to it. */
export interface MemberUp {
  /** Names the event. */
  readonly type: "memberUp";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member was let in while others are unreachable: it works, without shards and votes. */
export interface MemberWeaklyUp {
  /** Names the event. */
  readonly type: "memberWeaklyUp";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member has announced that it goes. `memberRemoved` follows. */
export interface MemberLeft {
  /** Names the event. */
  readonly type: "memberLeft";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member was declared dead. `memberRemoved` follows. */
export interface MemberDowned {
  /** Names the event. */
  readonly type: "memberDowned";
  /** The member, as it is now. */
  readonly member: Member;
  /** Who declared it dead, and why. */
  readonly evidence: DownEvidence;
}

/** A member is none any more, for whatever reason. */
export interface MemberRemoved {
  /** Names the event. */
  readonly type: "memberRemoved";
  /** The member, as it is now. */
  readonly member: Member;
}

/** A member does not answer. It may come back: it stays a member until it is down. */
export interface UnreachableMember {
  /** Names the event. */
  readonly type: "unreachableMember";
  /** The member, as it is now. */
  readonly member: Member;
  /**
   * `stalled`: its process lives but its event loop stands still; `gone`: nobody listens there any
   * more; `silent`: nothing is known but that it is not heard.
   */
  readonly reason: UnreachableReason;
  /** Addresses of the members that cannot reach it; sorted. */
  readonly observers: readonly string[];
}

/** An unreachable member answers again. */
export interface ReachableMember {
  /** Names the event. */
  readonly type: "reachableMember";
  /** The member, as it is now. */
  readonly member: Member;
}

/** Another member leads, or none is known to. */
export interface LeaderChanged {
  /** Names the event. */
  readonly type: "leaderChanged";
  /** Address of the leader. */
  readonly leader: string | undefined;
}

/** What happens to the members of the cluster, as this node sees it. */
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
