import { ActorError } from "../actor/errors.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { type Random, randomInt } from "../runtime/random.ts";
import type { RoutingStrategy } from "./routing_strategy.ts";
import { hashText, mixBits } from "../runtime/fnv.ts";

/**
 * The actors that one router routes to, and whose turn it is. Passes on the very message that it is
 * given.
 */
export class Routees<M> {
  readonly #strategy: RoutingStrategy<M>;
  readonly #random: Random;
  #refs: readonly ActorRef<M>[] = [];
  /** Two hashes of each routee's identity, made when they are needed. */
  #seeds: Int32Array | undefined;
  #next = 0;

  /** Nobody yet. */
  constructor(strategy: RoutingStrategy<M>, random: Random) {
    this.#strategy = strategy;
    this.#random = random;
  }

  /** How many there are. */
  get size(): number {
    return this.#refs.length;
  }

  /** From now on these, which must not change. Whose turn it is keeps its turn, if it is there. */
  replace(refs: readonly ActorRef<M>[]): void {
    const next = this.#refs[this.#next];
    const index = next === undefined ? -1 : refs.indexOf(next);
    if (index >= 0) this.#next = index;
    else if (this.#next >= refs.length) this.#next = 0;
    this.#refs = refs;
    this.#seeds = undefined;
  }

  /** From now on without this one. */
  remove(ref: ActorRef<never>): void {
    const gone = this.#refs.findIndex((routee) => isSame(routee, ref));
    if (gone < 0) return;
    if (gone < this.#next) this.#next--;
    this.#refs = this.#refs.filter((_routee, index) => index !== gone);
    if (this.#next >= this.#refs.length) this.#next = 0;
    this.#seeds = undefined;
  }

  /**
   * What of a message decides where it goes; 0 if nothing does. Found out once, when the message
   * comes, so that one that waits goes where it would have gone.
   *
   * @throws {ActorError} code `badRoutingKey`, and whatever the user's function throws.
   */
  hashOf(message: M): number {
    const strategy = this.#strategy;
    if (strategy.kind !== "consistentHash") return 0;
    const key: unknown = strategy.key(message);
    if (typeof key === "string") return hashText(key);
    throw new ActorError("badRoutingKey", `the key of a message is ${typeof key}, not a text`, {
      value: key,
      remedy: "give consistentHash a function that returns a string for every message",
    });
  }

  /** Passes a message on to one. Only if there is one. */
  tell(message: M, hash: number): void {
    this.#choose(hash).tell(message);
  }

  /** Passes a message on to all. */
  tellAll(message: M): void {
    for (const routee of this.#refs) routee.tell(message);
  }

  #choose(hash: number): ActorRef<M> {
    const refs = this.#refs;
    switch (this.#strategy.kind) {
      case "roundRobin": {
        const routee = refs[this.#next]!;
        this.#next = this.#next + 1 === refs.length ? 0 : this.#next + 1;
        return routee;
      }
      case "random":
        return refs[randomInt(this.#random, refs.length)]!;
      case "consistentHash":
        return refs[heaviest(this.#seeds ??= seedsOf(refs), hash)]!;
    }
  }
}

/**
 * The index of the routee with the highest weight for a key. Routees with different first seeds
 * never weigh the same, since mixing keeps different numbers different; the second seed decides
 * between those that happen to share the first.
 */
export function heaviest(seeds: Int32Array, hash: number): number {
  let best = 0;
  let weight = mixBits(hash ^ seeds[0]!);
  for (let i = 2; i < seeds.length; i += 2) {
    const other = mixBits(hash ^ seeds[i]!);
    if (other < weight) continue;
    if (other === weight && !outweighs(seeds[i + 1]!, seeds[best + 1]!, hash)) continue;
    best = i;
    weight = other;
  }
  return best >> 1;
}

/** Two seeds for each routee, one after the other. */
export function seedsOf(refs: readonly ActorRef<never>[]): Int32Array {
  const seeds = new Int32Array(refs.length * 2);
  refs.forEach((ref, index) => {
    const identity = identityOf(ref);
    seeds[index * 2] = hashText(identity);
    // Before and not behind: texts that collide would collide with the same end as well.
    seeds[index * 2 + 1] = hashText(`#${identity}`);
  });
  return seeds;
}

function outweighs(seed: number, other: number, hash: number): boolean {
  return mixBits(hash ^ seed) > mixBits(hash ^ other);
}

/** `"host:port/path"`: the same for every incarnation, and on every node. */
function identityOf(ref: ActorRef<never>): string {
  return ref instanceof Ref ? ref.node + ref.path : ref.path;
}

function isSame(one: ActorRef<never>, other: ActorRef<never>): boolean {
  return one === other || (one instanceof Ref && one.equals(other));
}
