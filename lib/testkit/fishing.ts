/**
 * What to do with a message while fishing (Pekko's `FishingOutcomes`):
 *
 * - `"complete"` or `true`: it is the one; fishing ends.
 * - `"continue"` or `false`: it is kept, and fishing goes on.
 * - `"ignore"`: it is not kept, and fishing goes on.
 * - `"fail"`: it must not have come; fishing fails.
 */
export type FishingOutcome = boolean | "complete" | "continue" | "ignore" | "fail";
