/**
 * Tools for testing actors: virtual time and seeded chance.
 *
 * @module
 */
export { ManualClock } from "./manual_clock.ts";
export { SeededRandom } from "./seeded_random.ts";
export type { Clock, Timer } from "../runtime/clock.ts";
export type { Random } from "../runtime/random.ts";
export { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";
