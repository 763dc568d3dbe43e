/**
 * How long messages take to decode whose Map, Set or object keys have the same hash, compared with
 * ordinary keys of the same number, in CPU time. "refused": the message is refused with the error `malformed`.
 *
 *     deno run -A bench/hostile_keys.ts [keys ...]    # default 65536 131072; up to 1000000
 *
 * @module
 */
import process from "node:process";
import { systemClock } from "../lib/runtime/system_clock.ts";
import { Codec } from "../lib/wire/codec.ts";
import { keysOf, messages, ordinaryKindOf } from "../tests/wire/hostile_keys.ts";

const rounds = 3;

if (import.meta.main) {
  const counts = Deno.args.length === 0 ? [65_536, 131_072] : Deno.args.map(Number);
  for (const count of counts) {
    for (const form of Object.keys(messages) as (keyof typeof messages)[]) measure(form, count);
  }
}

function measure(form: keyof typeof messages, count: number): void {
  const codec = new Codec({
    now: systemClock.now,
    resolve: () => {
      throw new Error("no references");
    },
    limits: { maxMap: 2 ** 24, maxArray: 2 ** 25, maxValues: 2 ** 26 },
  });
  const { make, kinds } = messages[form];
  for (const kind of kinds) {
    const ordinary = decodeTime(codec, make(keysOf(ordinaryKindOf(kind), count))).time;
    const { time, outcome, size } = decodeTime(codec, make(keysOf(kind, count)));
    console.log(
      `${String(count).padStart(8)} ${form.padEnd(12)} ${kind.padEnd(22)} ` +
        `${(size / 1e6).toFixed(1).padStart(5)} MB ${time.toFixed(1).padStart(8)} ms ` +
        `${(time / ordinary).toFixed(2).padStart(6)} times ordinary  ${outcome}`,
    );
  }
}

/** Of the process: other work on the machine does not count. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function decodeTime(codec: Codec, bytes: Uint8Array) {
  let time = Infinity;
  let outcome = "decoded";
  for (let i = 0; i < rounds; i++) {
    const from = cpuTime();
    try {
      codec.decode(bytes);
    } catch (error) {
      outcome = `refused (${(error as { code?: string }).code})`;
    }
    time = Math.min(time, cpuTime() - from);
  }
  return { time, outcome, size: bytes.length };
}
