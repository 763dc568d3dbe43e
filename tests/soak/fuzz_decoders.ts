/**
 * Feeds a million mutated inputs, or as many as the first argument says, to the decoders of what a
 * peer sends. The second argument is the seed; without it, the time of day. Exits with 1 when one
 * throws anything but a refusal, or takes more memory than it may.
 *
 *     deno run -A tests/soak/fuzz_decoders.ts 1000000 7
 *
 * @module
 */
import { decoders, fuzz } from "../transport/fuzzing.ts";

/** The garbage between two collections, and far less than what the inputs announce. Bytes. */
const ceiling = 512 * 2 ** 20;

if (import.meta.main) {
  const inputs = Number(Deno.args[0] ?? 1_000_000);
  const seed = Number(Deno.args[1] ?? Date.now() % 1_000_000);
  const all = decoders();
  let worst = 0;
  console.log(`seed ${seed}`);
  for (const decoder of all) {
    const count = Math.ceil(inputs / all.length);
    const begin = performance.now();
    const { refused, peak } = await fuzz(decoder, count, seed);
    const took = Math.round(performance.now() - begin);
    worst = Math.max(worst, peak);
    console.log(
      `${decoder.name}: ${count} inputs, ${refused} refused, ` +
        `${(peak / 2 ** 20).toFixed(1)} MiB at most, ${took} ms`,
    );
  }
  if (worst > ceiling) {
    console.error(`more than ${ceiling / 2 ** 20} MiB`);
    Deno.exit(1);
  }
}
