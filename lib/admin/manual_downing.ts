/**
 * Whether a node declares a member down because an admin says so. Pure.
 *
 * @module
 */
import type { ClusterState } from "../cluster/node/cluster_state.ts";
import { AdminError } from "./errors.ts";

/** What a node has done about it. */
export interface DownReport {
  readonly address: string;
  /** `down`: it was down already. */
  readonly status: "declared" | "down";
}

/** What a node has done that shall leave. */
export interface LeaveReport {
  readonly address: string;
  readonly status: "leaving";
}

/** `declare`, `down` if it is down already, or why not. */
export function judgeDown(
  { self, members }: Pick<ClusterState, "self" | "members">,
  address: string,
  force: boolean,
): "declare" | "down" | AdminError {
  if (address === self.address) {
    return new AdminError("notPossible", `${address} does not declare itself down`, {
      value: address,
      remedy: "tell other members, or have it leave: casty leave",
    });
  }
  if (self.status !== "up") {
    return new AdminError("notPossible", `${self.address} is ${self.status}, and decides nothing`, {
      value: self.status,
      remedy: "tell a member that is up",
    });
  }
  const member = members.find((one) => one.address === address);
  if (member === undefined) {
    return new AdminError("unknownMember", `${self.address} knows no member ${address}`, {
      value: address,
      remedy: "see casty members",
    });
  }
  if (member.status === "down") return "down";
  if (!member.reachable || force) return "declare";
  return new AdminError("memberReachable", `${address} is reachable`, {
    value: address,
    remedy: "have it leave with casty leave, so that nothing is lost; or use --force",
  });
}
