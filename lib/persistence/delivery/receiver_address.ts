/**
 * Addresses of receivers as they are stored: `"/_entity-20-accounts;alice"` for an entity, wherever it
 * runs; `"host:port/parent/child"` for an actor of a node; `"/parent/child"` for an actor of the same
 * system. None names an incarnation: after a restart the next one is meant.
 *
 * @module
 */
import { TemporaryRef } from "../../actor/ref/local_ref.ts";
import { type ActorRef, Ref, type RefAddress } from "../../actor/ref/ref.ts";
import { PersistenceError } from "../errors.ts";

/** The longest address, in UTF-16 code units. */
const maxAddress = 2_048;

/**
 * The stored form of a reference.
 *
 * @param home the node of an actor that stays there, whose neighbours are stored without the node:
 *   undefined for one that moves.
 * @throws {PersistenceError} code `badReceiver`.
 */
export function receiverAddress(
  ref: ActorRef<never>,
  id: string,
  home: string | undefined,
): string {
  if (!(ref instanceof Ref)) throw badReceiver(id, ref, "it is no reference");
  // Replies and message adapters end with what has made them, or before.
  if (ref.isReply || ref instanceof TemporaryRef) {
    throw badReceiver(id, ref, "it ends with its ask or its actor; use thenReply or thenTell");
  }
  if (!ref.isActor && !("entityId" in ref)) {
    throw badReceiver(
      id,
      ref,
      "it stands for all entities of a type; give it the one that is meant",
    );
  }
  const { wirePath, isActor, node } = ref;
  const address = !isActor || node === home ? wirePath : node + wirePath;
  if (address.length > maxAddress) throw badReceiver(id, ref, "its path is too long");
  return address;
}

/** Where a stored address leads. */
export function parseReceiver(address: string, home: string): RefAddress {
  const at = address.indexOf("/");
  return { node: at > 0 ? address.slice(0, at) : home, path: address.slice(at), uid: 0 };
}

function badReceiver(id: string, value: unknown, why: string): PersistenceError {
  return new PersistenceError(
    "badReceiver",
    `${id}: nothing can be delivered to ${value}: ${why}`,
    {
      value,
      place: { id },
    },
  );
}
