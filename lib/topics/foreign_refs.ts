import { askPath } from "../actor/ref/reply_path.ts";
import { Ref } from "../actor/ref/ref.ts";

/**
 * Whether a decoded message holds a reference that does not lead to an actor of `address`. A client may
 * have forged it, and a node that sends the message on would vouch for it: an actor that answers by it would
 * send what the client may not.
 */
export function holdsForeignRef(value: unknown, address: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof Ref) return value.node !== address || namesMore(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date) {
    return false;
  }
  if (value instanceof Map) return someForeign(value, address);
  if (value instanceof Set || Array.isArray(value)) return someForeign(value, address);
  if (value instanceof Error && holdsForeignRef(value.cause, address)) return true;
  return someForeign(Object.values(value), address);
}

/** A reference to entities or broadcast actors has the address of its sender. */
function namesMore({ isActor, wirePath }: Ref<never>): boolean {
  return !isActor || (wirePath.startsWith("/_") && !wirePath.startsWith(askPath));
}

/** Decoded messages are nested to a bounded depth. */
function someForeign(values: Iterable<unknown>, address: string): boolean {
  for (const value of values) if (holdsForeignRef(value, address)) return true;
  return false;
}
