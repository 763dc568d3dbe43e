/**
 * The handling of a message while fishing (Pekko's `FishingOutcomes`):
 *
 * - `"complete"` or `true`: it is the one; fishing ends.
 * - `"continue"` or `false`: it is kept, and fishing continues.
 * - `"ignore"`: it is dropped, and fishing continues.
 * - `"fail"`: it must not arrive; fishing fails.
 */
export type FishingOutcome = boolean | "complete" | "continue" | "ignore" | "fail";
