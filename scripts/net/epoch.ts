import type { ClusteredActorSystem } from "../../mod.ts";

/**
 * The epoch of the grant under which an entity runs, as far as its node knows it. The one place to
 * change when a handler can see it itself.
 */
export function epochOf(
  system: ClusteredActorSystem | undefined,
  type: string,
  id: string,
): number | undefined {
  const place = system?.sharding.whereIs(type, id);
  return place?.owner === system?.address ? place?.epoch : undefined;
}
