/**
 * Decodes a million hostile messages in rounds with a seed each, below a ceiling of memory.
 *
 *     deno run -A tests/soak/fuzz_codec.ts [mutants] [first seed]
 *
 * Ends with code 1 and the seed if a mutant comes to anything but a value or a `WireError`.
 *
 * @module
 */
import { fuzzCodec } from "../wire/codec_mutations.ts";

const perSeed = 50_000;
const ceiling = 96 * 2 ** 20;

/** Runs the soak; throws an error that names the seed. */
export function soakCodec(mutants: number, firstSeed: number): void {
  let seed = firstSeed;
  for (let left = mutants; left > 0; left -= perSeed, seed++) {
    try {
      const { decoded, refused, peak } = fuzzCodec(seed, Math.min(left, perSeed), ceiling);
      const memory = `${(peak / 2 ** 20).toFixed(0)} MiB`;
      console.log(`codec, seed ${seed}: ${decoded} decoded, ${refused} refused, at most ${memory}`);
    } catch (cause) {
      throw new Error(`seed ${seed} has broken the codec`, { cause });
    }
  }
}

if (import.meta.main) {
  const [mutants = "1000000", seed = "1"] = Deno.args;
  soakCodec(Number(mutants), Number(seed));
}
