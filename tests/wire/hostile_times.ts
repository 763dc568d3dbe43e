/**
 * How long colliding keys take to decode, and ordinary ones. As a program it prints
 * {@linkcode HostileTimes} as JSON.
 *
 * @module
 */
import process from "node:process";
import { hostileKinds, keysOf, messages, ordinaryKindOf } from "./hostile_keys.ts";
import { newCodec, wireErrorOf } from "./values.ts";

/** Milliseconds of the processor for messages of one form, by kind of keys. */
export type HostileTimes = Readonly<
  Record<
    string,
    readonly {
      readonly kind: string;
      readonly hostile: number;
      readonly ordinary: number;
      /** The error of ordinary keys, which have none. */
      readonly refused?: string;
    }[]
  >
>;

/** Milliseconds of this process: other work on the machine does not count. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const codec = newCodec();

/**
 * The best of some runs, more of short ones: garbage collection, and others that use the same caches,
 * make a run longer, never shorter.
 */
function bestTime(bytes: Uint8Array): { time: number; code: string | undefined } {
  const begun = cpuTime();
  let best = Infinity;
  let code: string | undefined;
  for (let round = 0; round < 5 || (round < 100 && cpuTime() - begun < 500); round++) {
    const from = cpuTime();
    code = wireErrorOf(() => codec.decode(bytes));
    best = Math.min(best, cpuTime() - from);
  }
  return { time: best, code };
}

function measure(): HostileTimes {
  const times: Record<string, HostileTimes[string]> = {};
  for (const [form, { kinds, make }] of Object.entries(messages)) {
    times[form] = kinds.filter((kind) => hostileKinds.includes(kind)).map((kind) => {
      const ordinary = bestTime(make(keysOf(ordinaryKindOf(kind), 65_536)));
      const hostile = bestTime(make(keysOf(kind, 65_536)));
      const refused = ordinary.code;
      return {
        kind,
        hostile: hostile.time,
        ordinary: ordinary.time,
        ...(refused !== undefined && { refused }),
      };
    });
  }
  return times;
}

if (import.meta.main) console.log(JSON.stringify(measure()));
