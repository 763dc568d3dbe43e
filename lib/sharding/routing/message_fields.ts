/**
 * Checks of the fields that messages about shards have in common.
 *
 * @module
 */
import { maxNumShards } from "../../options/tables/sharding_tables.ts";

/** The longest name of a type, and the longest address, in UTF-16 code units. */
export const maxName = 256;

/** Whether a value is an object with fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value can name a shard type or a node. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxName;
}

/** Whether a value is a whole number from 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether a value is a whole number from 0 and below a bound. */
export function isBelow(value: unknown, bound: number): value is number {
  return isCount(value) && value < bound;
}

/** Whether a value can be the number of shards of a type. */
export function isShardCount(value: unknown): value is number {
  return isBelow(value, maxNumShards + 1) && value >= 1;
}
