import type { Stamp } from "../routing/term.ts";

/** How many shard types one coordinator keeps; reports of more are refused. */
export const maxShardTypes = 1_000;

/** One member, as its coordinator knows it. */
export interface CoordinatedNode {
  /** Tells lives at one address apart. */
  readonly incarnation: number;
  /** It has promised itself to this term, and told what it runs. */
  reported: boolean;
  /** All members know that it is one: a later leader will ask it, too. */
  settled: boolean;
  retiring: boolean;
  /** Of the newest thing that it has said. */
  stamp: Stamp;
}
