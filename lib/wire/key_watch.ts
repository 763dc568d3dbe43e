import { malformed } from "./errors.ts";
import { IndexTexts } from "./index_texts.ts";

/** Containers of more entries are watched while they are filled, others afterwards. */
export const unwatchedSize = 128;
/** Keys of small containers after which one is looked up; at most twice as many. */
const smallKeys = 1_024;
/** Keys of a large container after which one becomes a sample; at most twice as many. */
const largeKeys = 128;
/** Milliseconds of filling after which some keys are looked up. */
const checkedTime = 1;
/** Keys that a check looks up, as many in one measurement, and times that each is made. */
const sampleSize = 64;
const measuredTogether = 8;
const repetitions = 3;
/** Milliseconds that looking up a key may take on average, whatever the machine. */
const slowLookup = 0.000_2;
/**
 * The same for a string, which is sought in the engine's table of strings as well. Numbers in
 * sequence, written as strings, make clusters in it: up to 7 us were measured.
 */
const slowStringLookup = 0.01;
/**
 * Milliseconds that keys of one message may lose by colliding, strings excepted: on a machine where
 * an ordinary look-up takes at most `ordinaryLookup`, and more on a slower one.
 * Ordinary bigints may collide (networks of IPv6, fixed-point numbers: only the low 64 bits count
 * in the engine); some hundreds of them harm nobody. With 2 ms a message of many small sets took up
 * to seven times as long as an ordinary one: what is looked up again is in the cache, and costs less
 * than when it was inserted.
 */
const allowedLoss = 1.4;
/** From here on one measurement is enough, as more would cost more; else so many, of which the least counts. */
const certainLoss = 10 * allowedLoss;
const measurements = 3;
const ordinaryLookup = 0.000_02;
/** How many times longer than in an ordinary set it may take. */
const slowRatio = 6;
/** Keys of the ordinary set. */
const ordinaryKeys = 4_096;

/** What a key can be looked up in. */
export interface KeyLookup {
  has(key: unknown): boolean;
}

/**
 * Recognises keys that have the same hash by the time that they take. The engine hashes numbers,
 * bigints and strings of digits without a seed, so that a peer can compute keys that all fall into
 * one bucket of a Map or Set, which then takes minutes to fill. (Crosby and Wallach, USENIX
 * Security 2003.) Strings that are keys are also kept in one table of the whole process, until a
 * garbage collection: many small containers are as bad as a large one.
 *
 * What is measured is the effect, not a pattern of keys: from time to time some of the keys are
 * looked up again. A pause of the process can make one look-up slow, but not three of each of 64
 * keys; long chains do. Keys that are slow are refused when they have cost too much: that is reckoned
 * from their number and the time of a look-up, not from the time that has passed, so that no pause
 * adds to it.
 */
export class KeyTimes {
  /** Milliseconds, with a resolution of microseconds. On virtual time nothing takes any. */
  readonly now: () => number;
  /** Texts of digits among the keys of large Maps and Sets. */
  readonly #indexTexts = new IndexTexts();
  /** Since when keys of large containers are inserted that were not checked; 0: none were. */
  since = 0;
  /** Keys of large containers that were inserted since the last check. */
  unchecked = 0;
  /** Keys of small containers since the last look, and at how many the next one is. */
  #small = 0;
  #nextLook = smallKeys;
  #lost = 0;

  readonly #trusted: boolean;

  /** See {@linkcode KeyTimes.now}. `trusted`: no key is refused. */
  constructor(now: () => number, trusted = false) {
    this.now = now;
    this.#trusted = trusted;
  }

  /** Another message begins. */
  begin(): void {
    this.since = 0;
    this.unchecked = 0;
    this.#lost = 0;
    this.#indexTexts.begin();
  }

  /**
   * A text was inserted into a large Map or Set.
   *
   * @throws {WireError} code `malformed`, if texts of digits collide.
   */
  countText(key: string): void {
    if (!this.#trusted) this.#indexTexts.add(key);
  }

  /**
   * A small container was filled.
   *
   * @throws {WireError} code `malformed`, if its keys collide.
   */
  filled(container: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): void {
    this.#small += container.size;
    if (this.#small >= this.#nextLook) this.#look(container);
  }

  #look(container: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): void {
    const inserted = this.#small;
    this.#small = 0;
    const now = this.now();
    // Otherwise a peer could put an ordinary container where the next look is.
    this.#nextLook = smallKeys + chance(now, smallKeys);
    const keys = [...container.keys()];
    if (this.#areSlow(container, keys, now)) this.check(container, keys, inserted);
  }

  /** A quick look at some of the keys, which says whether all have to be looked at. */
  #areSlow(container: KeyLookup, keys: readonly unknown[], now: number): boolean {
    if (this.#trusted) return false;
    const from = chance(now, Math.max(1, keys.length - measuredTogether + 1));
    const some = keys.slice(from, from + measuredTogether);
    const strings = some.filter(isString);
    if (strings.length < some.length) {
      const others = strings.length === 0 ? some : some.filter((key) => !isString(key));
      if (lookupTime(this, container, others, 1) > slowLookup) return true;
    }
    return strings.length > 0 && lookupTime(this, container, strings, 1) > slowStringLookup;
  }

  /**
   * Keys of a large container were inserted for a while: looks some of `keys` up, and all of them if
   * these are slow.
   *
   * @throws {WireError} code `malformed`, if they collide and have cost too much.
   */
  look(container: KeyLookup, keys: readonly unknown[], inserted: number, now: number): void {
    if (this.#areSlow(container, keys, now)) this.check(container, keys, inserted);
  }

  /**
   * Looks up keys of the container. `inserted`: keys that were inserted since the last check.
   *
   * @throws {WireError} code `malformed`, if they collide and have cost too much.
   */
  check(container: KeyLookup, keys: readonly unknown[], inserted: number): void {
    const strings = keys.filter(isString);
    // A string among other keys must not raise their limit to that of strings.
    const others = keys.filter((key) => !isString(key));
    const share = inserted / Math.max(1, keys.length);
    if (others.length > 0) this.#checkAlike(container, others, others.length * share);
    if (strings.length > 0) this.#checkAlike(container, strings, strings.length * share);
  }

  #checkAlike(container: KeyLookup, keys: readonly unknown[], inserted: number): void {
    if (lookupTime(this, container, keys, repetitions) <= limitOf(keys)) return;
    const usual = ordinary(keys);
    let cost = this.#costOf(container, keys, inserted, usual);
    // What other work on the machine adds to one measurement it need not add to the next one.
    for (let n = 1; n < measurements && this.#isDoubtful(cost.loss); n++) {
      const again = this.#costOf(container, keys, inserted, usual);
      if (again.loss < cost.loss) cost = again;
    }
    this.#lost += cost.loss;
    if (this.#lost <= allowedLoss) return;
    const nanoseconds = Math.round(cost.found * 1e6);
    throw malformed(`keys of an object, Map or Set collide: one takes ${nanoseconds} ns`);
  }

  /** What `inserted` keys have cost too much, in milliseconds, and what one takes. */
  #costOf(
    container: KeyLookup,
    keys: readonly unknown[],
    inserted: number,
    usual: Ordinary,
  ): { readonly loss: number; readonly found: number } {
    // On a slow machine, and in code that has just begun to run, all look-ups take longer.
    const ordinaryTime = lookupTime(this, usual.set, usual.keys, repetitions);
    const found = lookupTime(this, container, keys, repetitions);
    if (found <= limitOf(keys) || found <= slowRatio * ordinaryTime) return { loss: 0, found };
    // The engine keeps strings beyond the message: their cost is not that of this message alone.
    if (hasStrings(keys)) return { loss: Infinity, found };
    return { loss: inserted * found / Math.max(1, ordinaryTime / ordinaryLookup), found };
  }

  /** Whether the message would be refused for so little that other work of the machine may be the cause. */
  #isDoubtful(loss: number): boolean {
    return this.#lost + loss > allowedLoss && loss < certainLoss;
  }
}

function limitOf(keys: readonly unknown[]): number {
  return hasStrings(keys) ? slowStringLookup : slowLookup;
}

function hasStrings(keys: readonly unknown[]): boolean {
  return keys.some(isString);
}

function isString(key: unknown): boolean {
  return typeof key === "string";
}

/**
 * Watches a large container while it is filled: `text` is to be called for each key of a Map or Set that
 * is a string, and `sample` for some of the keys.
 */
export class KeyWatch {
  /** Keys until the next sample. */
  interval = largeKeys;
  readonly #times: KeyTimes;
  readonly #container: KeyLookup;
  readonly #samples: unknown[] = [];

  /** `times` serves all containers of a message, so that many of them cost no more than one. */
  constructor(times: KeyTimes, container: KeyLookup) {
    this.#times = times;
    this.#container = container;
    if (times.since === 0) times.since = times.now();
  }

  /**
   * A string was inserted as a key. Not for objects, of which the engine keeps indexes with a seed.
   *
   * @throws {WireError} code `malformed`, if texts of digits collide.
   */
  text(key: string): void {
    this.#times.countText(key);
  }

  /**
   * The last of `interval` keys was inserted. Returns the next interval.
   *
   * @throws {WireError} code `malformed`, if the keys collide.
   */
  sample(key: unknown): number {
    const times = this.#times;
    this.#samples.push(key);
    times.unchecked += this.interval;
    const now = times.now();
    this.interval = largeKeys + chance(now, largeKeys);
    if (now - times.since < checkedTime) return this.interval;
    const inserted = times.unchecked;
    times.unchecked = 0;
    times.look(this.#container, this.#samples, inserted, now);
    times.since = times.now();
    return this.interval;
  }
}

/** Milliseconds that looking up one key takes on average, apart from pauses of the process. */
function lookupTime(
  times: KeyTimes,
  container: KeyLookup,
  keys: readonly unknown[],
  repeated: number,
): number {
  const step = Math.max(1, Math.floor(keys.length / sampleSize));
  const samples: unknown[] = [];
  for (let i = keys.length - 1; i >= 0 && samples.length < sampleSize; i -= step) {
    samples.push(keys[i]);
  }
  let total = 0;
  for (let i = 0; i < samples.length; i += measuredTogether) {
    const group = samples.slice(i, i + measuredTogether);
    const without = bestTime(times, nothing, group, repeated);
    total += Math.max(0, bestTime(times, container, group, repeated) - without);
  }
  return total / Math.max(1, samples.length);
}

/** What a measurement takes that finds nothing. */
const nothing: KeyLookup = { has: () => true };

function bestTime(
  { now }: KeyTimes,
  container: KeyLookup,
  keys: readonly unknown[],
  repeated: number,
): number {
  let best = Infinity;
  for (let n = 0; n < repeated; n++) {
    const copies = keys.map(fresh);
    let hits = 0;
    const from = now();
    for (const key of copies) if (container.has(key)) hits++;
    const time = now() - from;
    // The engine leaves out a look-up whose result is not used.
    if (hits > 0 && time < best) best = time;
  }
  return best === Infinity ? 0 : best;
}

/** A number below `limit` that no peer can choose: it depends on the time. */
function chance(now: number, limit: number): number {
  return Math.floor(now * 1_000_000) % limit;
}

/** A string that was a key once is found at once; an equal one is not. */
function fresh(key: unknown): unknown {
  return typeof key === "string" ? ` ${key}`.slice(1) : key;
}

interface Ordinary {
  readonly set: ReadonlySet<unknown>;
  readonly keys: readonly unknown[];
}

const kept: { texts?: Ordinary; numbers?: Ordinary } = {};

/** What `keys` are compared with. */
function ordinary(keys: readonly unknown[]): Ordinary {
  return hasStrings(keys)
    // Such a sequence is what takes longest of all that is ordinary.
    ? kept.texts ??= ordinaryOf((i) => String(1_000_000 + i))
    : kept.numbers ??= ordinaryOf((i) => i);
}

function ordinaryOf(keyOf: (i: number) => unknown): Ordinary {
  const keys = Array.from({ length: ordinaryKeys }, (_, i) => keyOf(i));
  return { set: new Set(keys), keys };
}
