/**
 * How long colliding keys take to decode, and ordinary ones. As a program it prints
 * {@linkcode HostileTimes} as JSON; its argument is the number of keys, 65 536 by default.
 *
 * @module
 */
import process from "node:process";
import { hostileKinds, type KeyKind, keysOf, messages, ordinaryKindOf } from "./hostile_keys.ts";
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

/** Keys of which a message can be decoded often enough. */
export const usualKeys = 65_536;

// Larger than the default limits accept.
const codec = newCodec({ maxMap: 2 ** 21, maxArray: 2 ** 22, maxValues: 2 ** 23 });

interface BestTime {
  time: number;
  code: string | undefined;
}

/**
 * The best of some runs, more of short ones: garbage collection, and others that use the same caches,
 * make a run longer, never shorter.
 */
function bestTime(bytes: Uint8Array, isLarge: boolean, enough = isLarge ? 100 : 120): BestTime {
  const least = isLarge ? 1 : 5;
  const begun = cpuTime();
  let best = Infinity;
  let code: string | undefined;
  for (let round = 0; round < least || (round < 100 && cpuTime() - begun < enough); round++) {
    const from = cpuTime();
    code = wireErrorOf(() => codec.decode(bytes));
    best = Math.min(best, cpuTime() - from);
  }
  return { time: best, code };
}

/** Runs that are this near to the bound of 5 are made again, longer. */
const near = 2;

/** The times for messages of `count` keys. */
export function measure(count: number): HostileTimes {
  const isLarge = count > usualKeys;
  const known = new Map<string, BestTime>();
  const ordinaryTime = (form: keyof typeof messages, kind: KeyKind) => {
    const key = `${form} ${kind}`;
    const time = known.get(key) ?? bestTime(messages[form].make(keysOf(kind, count)), isLarge);
    // Short runs of ordinary keys were compared with hostile ones of the same minute.
    if (isLarge) known.set(key, time);
    return time;
  };
  const times: Record<string, HostileTimes[string]> = {};
  for (const form of Object.keys(messages) as (keyof typeof messages)[]) {
    const { kinds, make } = messages[form];
    times[form] = kinds.filter((kind) => hostileKinds.includes(kind)).map((kind) => {
      let ordinary = ordinaryTime(form, ordinaryKindOf(kind));
      const bytes = make(keysOf(kind, count));
      let hostile = bestTime(bytes, isLarge);
      if (!isLarge && hostile.time > near * ordinary.time) {
        ordinary = bestTime(messages[form].make(keysOf(ordinaryKindOf(kind), count)), false, 500);
        hostile = bestTime(bytes, false, 500);
      }
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

if (import.meta.main) {
  console.log(JSON.stringify(measure(Number(Deno.args[0] ?? usualKeys))));
}
