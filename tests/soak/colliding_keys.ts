/**
 * How long colliding keys take to decode, compared with ordinary ones, for all forms and kinds, and for up
 * to a million keys. Exits non-zero if one takes more than 5 times as long, or ordinary keys are refused.
 *
 *     deno task soak:keys [keys ...]    # default 65536 262144 1000000
 *
 * @module
 */
import { measure } from "../wire/hostile_times.ts";

/** Times that ordinary keys take. */
const mostTimes = 5;

let failed = 0;
for (const count of Deno.args.length === 0 ? [65_536, 262_144, 1_000_000] : Deno.args.map(Number)) {
  for (const [form, times] of Object.entries(measure(count))) {
    for (const { kind, hostile, ordinary, refused } of times) {
      const holds = hostile <= mostTimes * ordinary && refused === undefined;
      if (!holds) failed++;
      console.log(
        `${holds ? "ok  " : "FAIL"} ${count} keys, ${form}, ${kind}: ${hostile.toFixed(1)} ms, ` +
          `ordinary ${ordinary.toFixed(1)} ms ${refused ?? ""}`,
      );
    }
  }
}
console.log(failed === 0 ? "all hold" : `${failed} do not hold`);
Deno.exit(failed === 0 ? 0 : 1);
