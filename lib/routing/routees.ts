import { tellKept } from "../actor/ref/passed_on.ts";
import { ActorError } from "../actor/errors.ts";
import { shareAsk } from "../actor/ask/reply_refs.ts";
import { messageOf } from "../actor/ref/sent_message.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { type Random, randomInt } from "../runtime/random.ts";
import type { RoutingStrategy } from "./routing_strategy.ts";
import { hashText, mixBits } from "../runtime/fnv.ts";

/**
 * The actors that one router routes to, and the choice among them. Messages are forwarded as they
 * are, without a copy.
 */
export class Routees<M> {
  readonly #strategy: RoutingStrategy<M>;
  readonly #random: Random;
  #refs: readonly ActorRef<M>[] = [];
  /** Made when they are needed. */
  #hashes: Int32Array | undefined;
  #next = 0;

  constructor(strategy: RoutingStrategy<M>, random: Random) {
    this.#strategy = strategy;
    this.#random = random;
  }

  /** How many there are. */
  get size(): number {
    return this.#refs.length;
  }

  /** Replaces all, by an array that must not change. The next routee keeps its turn, if it stays. */
  replace(refs: readonly ActorRef<M>[]): void {
    const next = this.#refs[this.#next];
    const index = next === undefined ? -1 : refs.indexOf(next);
    if (index >= 0) this.#next = index;
    else if (this.#next >= refs.length) this.#next = 0;
    this.#refs = refs;
    this.#hashes = undefined;
  }

  /** Removes one. */
  remove(ref: ActorRef<never>): void {
    const gone = this.#refs.findIndex((routee) => isSame(routee, ref));
    if (gone < 0) return;
    if (gone < this.#next) this.#next--;
    this.#refs = this.#refs.filter((_routee, index) => index !== gone);
    if (this.#next >= this.#refs.length) this.#next = 0;
    this.#hashes = undefined;
  }

  /**
   * The hash of a message's key; 0 if the strategy needs none. Computed once, when the message
   * arrives, so that a message that waits is routed by the same key.
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

  /**
   * Forwards a message, as {@linkcode passedOn} has made it, to one, and returns that. Only if there
   * is one.
   */
  tell(message: unknown, hash: number): ActorRef<M> {
    const routee = this.#choose(hash);
    tellKept(routee, message);
    return routee;
  }

  /** Forwards a message to all. */
  tellAll(message: unknown): void {
    shareAsk(messageOf(message));
    for (const routee of this.#refs) tellKept(routee, message);
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
        return refs[highestWeight(this.#hashes ??= identityHashes(refs), hash)]!;
    }
  }
}

/**
 * The index of the routee with the highest weight for a key. Routees with different first hashes
 * never have the same weight, since mixing keeps different numbers different; the second hash decides
 * between routees that share the first.
 */
export function highestWeight(hashes: Int32Array, hash: number): number {
  let best = 0;
  let weight = mixBits(hash ^ hashes[0]!);
  for (let i = 2; i < hashes.length; i += 2) {
    const other = mixBits(hash ^ hashes[i]!);
    if (other < weight) continue;
    if (other === weight && !outweighs(hashes[i + 1]!, hashes[best + 1]!, hash)) continue;
    best = i;
    weight = other;
  }
  return best >> 1;
}

/** Two hashes of each routee's identity, one after the other. */
export function identityHashes(refs: readonly ActorRef<never>[]): Int32Array {
  const hashes = new Int32Array(refs.length * 2);
  refs.forEach((ref, index) => {
    const identity = identityOf(ref);
    hashes[index * 2] = hashText(identity);
    // A prefix and not a suffix: texts that collide also collide with the same suffix.
    hashes[index * 2 + 1] = hashText(`#${identity}`);
  });
  return hashes;
}

function outweighs(own: number, other: number, hash: number): boolean {
  return mixBits(hash ^ own) > mixBits(hash ^ other);
}

/** `"host:port/path"`: the same for every incarnation, and on every node. */
function identityOf(ref: ActorRef<never>): string {
  return ref instanceof Ref ? ref.node + ref.path : ref.path;
}

function isSame(one: ActorRef<never>, other: ActorRef<never>): boolean {
  return one === other || (one instanceof Ref && one.equals(other));
}
