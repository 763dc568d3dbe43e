/**
 * Whether a peer may ask for something as an admin, by the identity in its certificate. Pure.
 *
 * @module
 */
import type { PeerIdentity } from "../runtime/network.ts";
import type { AdminRequest } from "./admin_protocol.ts";
import { AdminError } from "./errors.ts";

/** Requests a second that a node answers for one certificate. */
export const requestRate = 20;

const changing: ReadonlySet<AdminRequest["type"]> = new Set(["down", "leave"]);

/** Whether a request changes something. */
export function changes({ type }: Pick<AdminRequest, "type">): boolean {
  return changing.has(type);
}

/** Who asks, as its connection has proved it. */
export interface Asking {
  readonly identity: PeerIdentity | undefined;
  /** The node that forwards for it. */
  readonly via?: string;
}

/**
 * The name of the admin, for logs; or why it is none. A node that forwards could make an admin up, so
 * nobody is one on the word of another node. Without certificates, any peer could join the
 * cluster and read everything, so it may ask; but it may change nothing here.
 */
export function adminOf(
  { identity, via }: Asking,
  request: Pick<AdminRequest, "type">,
): string | AdminError {
  if (identity?.kind === "admin" && via === undefined) return identity.name;
  if (identity?.kind === "admin") {
    return new AdminError(
      "notAdmin",
      `${via} forwards for ${identity.name}, who may not be an admin`,
      {
        value: identity.name,
        remedy: "connect to the node itself: without unisocket, with an address map if need be",
      },
    );
  }
  if (identity === undefined || identity.kind === "plain") {
    if (!changes(request)) return "anybody";
    return new AdminError("needsTls", `${request.type} needs the certificate of an admin`, {
      value: request.type,
      remedy:
        "this cluster runs without the option tls, so nobody can prove to be an admin: stop " +
        "the node by a signal, or run the cluster with tls",
    });
  }
  const { kind, name } = identity;
  return new AdminError("notAdmin", `the certificate of ${kind} ${name} is not that of an admin`, {
    value: name,
    remedy: "use a certificate that `casty cert create-admin` has issued",
  });
}
