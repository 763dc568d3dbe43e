import type { DownEvidence, Member } from "./member.ts";

/** A node has asked to come in and is known now. */
export interface MemberJoined {
  readonly type: "memberJoined";
  readonly member: Member;
}

/** A member is confirmed: work may be given to it. */
export interface MemberUp {
  readonly type: "memberUp";
  readonly member: Member;
}

/** A member has announced that it goes. `memberRemoved` follows. */
export interface MemberLeft {
  readonly type: "memberLeft";
  readonly member: Member;
}

/** A member was declared dead. `memberRemoved` follows. */
export interface MemberDowned {
  readonly type: "memberDowned";
  readonly member: Member;
  readonly evidence: DownEvidence;
}

/** A member is none any more, for whatever reason. */
export interface MemberRemoved {
  readonly type: "memberRemoved";
  readonly member: Member;
}

/** A member does not answer. It may come back: it stays a member until it is down. */
export interface UnreachableMember {
  readonly type: "unreachableMember";
  readonly member: Member;
}

/** An unreachable member answers again. */
export interface ReachableMember {
  readonly type: "reachableMember";
  readonly member: Member;
}

/** Another member leads, or none is known to. */
export interface LeaderChanged {
  readonly type: "leaderChanged";
  /** Address of the leader. */
  readonly leader: string | undefined;
}

/** What happens to the members of the cluster, as this node sees it. */
export type MemberEvent =
  | MemberJoined
  | MemberUp
  | MemberLeft
  | MemberDowned
  | MemberRemoved
  | UnreachableMember
  | ReachableMember
  | LeaderChanged;
