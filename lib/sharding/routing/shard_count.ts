import { ShardingError } from "../errors.ts";
import { maxNumShards } from "./protocol.ts";

/**
 * The number, if it can be a number of shards.
 *
 * @throws {ShardingError} code `badShardCount`.
 */
export function checkNumShards(numShards: number): number {
  if (!Number.isInteger(numShards) || numShards < 1 || numShards > maxNumShards) {
    throw new ShardingError("badShardCount", `numShards: ${numShards} is not allowed`, {
      value: numShards,
      remedy: `use a whole number from 1 to ${maxNumShards}`,
    });
  }
  return numShards;
}
