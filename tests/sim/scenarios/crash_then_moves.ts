import type { Fault, FaultPlan } from "../../../lib/testkit/mod.ts";
import { shuffled } from "./ownership.ts";

/** Milliseconds between two crashes: what one has lost, others have again before the next one. */
const repair = 22_000;

/**
 * A node crashes, and before others have taken over what it ran, one or two others leave in order and come
 * back, so that shards of the crashed node and those that move are under way at one time. What the crashed
 * node has left behind is then at one node only in the worst case, which leaves: an orderly move loses
 * nothing.
 */
export const crashThenMoves: FaultPlan = (random, { nodes }) => {
  const faults: Fault[] = [];
  for (let at = 10_000; at < 60_000; at += repair + Math.floor(random.next() * 6_000)) {
    const [crashed, ...others] = shuffled(random, nodes);
    faults.push({
      type: "crash",
      at,
      node: crashed!,
      silently: random.next() < 0.5,
      restartAfter: 500 + Math.floor(random.next() * 8_000),
    });
    const moves = random.next() < 0.5 ? 1 : 2;
    let next = at + Math.floor(random.next() * 1_500);
    for (const node of others.slice(0, moves)) {
      faults.push({
        type: "stop",
        at: next,
        node,
        restartAfter: 20 + Math.floor(random.next() * 1_000),
      });
      // In one half of all cases the first has come back before the second leaves.
      next += Math.floor(random.next() * 6_000);
    }
  }
  return faults;
};
