import type { Lane, Peer } from "../transport/base/peer.ts";
import { WireError } from "../wire/errors.ts";

/** Whether the connection is one that messages of users take; a client has only one. */
export function isForUsers({ role }: Peer, lane: Lane): boolean {
  return role === "client" || lane === "user";
}

/** Membership and coordination never wait behind what users send. */
export function laneOf(path: string): Lane {
  return path.startsWith("/_cluster") ? "control" : "user";
}

/** Whether a serializer of a user has refused to decode what is in order otherwise. */
export function isUndecodable(error: unknown): error is WireError {
  return error instanceof WireError && error.code === "undecodable";
}
