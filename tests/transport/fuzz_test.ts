import { assert } from "@std/assert";
import { decoders, fuzz } from "./fuzzing.ts";

/** All decoders together; `deno task soak:fuzz` takes ten times as many. */
const inputs = 100_000;
/**
 * Bytes. What the inputs announce, if it were allocated, would be some hundred times as much; the
 * garbage between two collections is less.
 */
const ceiling = 128 * 2 ** 20;

const all = decoders();
const each = Math.ceil(inputs / all.length);

for (const decoder of all) {
  Deno.test(`fuzz: ${each} mutated ${decoder.name} are read or refused, within bounded memory`, async () => {
    const { refused, peak } = await fuzz(decoder, each, 1);
    assert(refused > each / 20 && refused < each, `${refused} of ${each} refused`);
    assert(peak < ceiling, `${peak} bytes`);
  });
}
