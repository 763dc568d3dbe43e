import type { DoubleOwnership, EntityInstance } from "./double_ownership.ts";
import type { Invariant } from "./invariant.ts";

/**
 * At no instant do two nodes run the same entity, and no handler of an older grant runs after a
 * newer one has started, whether the nodes reach each other or not. A node that is suspended, since it
 * holds no lease, runs nothing.
 */
export function oneOwnerAtEveryInstant(): Invariant {
  return {
    name: "oneOwnerAtEveryInstant",
    check: ({ doubleOwnerships: [first] }) => first && describe(first),
  };
}

function describe({ shardType, entityId, older, newer, from }: DoubleOwnership): string {
  return `${entityId} of ${shardType} runs at ${instanceText(older)} and at ` +
    `${instanceText(newer)} since ${from.toFixed(0)} ms`;
}

function instanceText({ node, incarnation, epoch, startedAt }: EntityInstance): string {
  return `${node} (incarnation ${incarnation}, epoch ${epoch}, started at ${
    startedAt.toFixed(0)
  } ms)`;
}
