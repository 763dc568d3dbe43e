import { Ref } from "../../lib/actor/ref/ref.ts";
import { randomInt } from "../../lib/runtime/random.ts";
import type { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** What a bad peer knows of the cluster that it attacks. */
export interface Target {
  readonly clusterId: string;
  /** The members by address, with their incarnations; the bad one is among them if it is a member. */
  readonly incarnations: ReadonlyMap<string, number>;
  /** The address of the bad peer. */
  readonly self: string;
  /** Names of shard types, the number of shards of each. */
  readonly types: ReadonlyMap<string, number>;
  /** Paths of actors. */
  readonly paths: readonly string[];
  /** Names of clients. */
  readonly clients: readonly string[];
  /** Numbers that true messages have had lately, by the name of the field. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
}

/** A reference to anything. */
export class ForgedRef extends Ref<never> {
  readonly uid: number;
  readonly node: string;
  readonly path: string;

  constructor(node: string, path: string, uid = 0) {
    super();
    this.node = node;
    this.path = path;
    this.uid = uid;
  }
  override tell(): void {}
}

const edges = [
  0,
  -0,
  1,
  2,
  -1,
  0.5,
  2 ** 20,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 52,
  Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER,
  2 ** 60,
  NaN,
  Infinity,
];

const texts = ["", "\u0000", "\n\u202e", "__proto__", "constructor", "/_cluster", "x".repeat(600)];

/** Draws parts of messages: true ones mostly, and extreme ones. All follows from the seed. */
export class Draws {
  readonly random: SeededRandom;
  readonly target: Target;
  readonly members: readonly string[];

  constructor(random: SeededRandom, target: Target) {
    this.random = random;
    this.target = target;
    this.members = [...target.incarnations.keys()];
  }

  int(bound: number): number {
    return randomInt(this.random, bound);
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  one<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }

  /** Some of it, or none. */
  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.int(most + 1) }, make);
  }

  /** Like `list`, without two that have the same key. */
  distinct<T>(most: number, make: () => T, keyOf: (item: T) => unknown): T[] {
    return [...new Map(this.list(most, make).map((item) => [keyOf(item), item])).values()];
  }

  /** A field that may be left out. */
  maybe<T>(name: string, make: () => T): Record<string, T> {
    return this.chance(0.5) ? { [name]: make() } : {};
  }

  /** A whole number: near what is true, or at an end of the range. */
  count(near = 0): number {
    if (this.chance(0.6)) return Math.max(0, near + this.int(5) - 2);
    if (this.chance(0.8)) return Math.abs(Math.trunc(this.one(edges.slice(0, 13))));
    return this.one([near + 2 ** 20, near + 2 ** 20 + 1, near + 2 ** 31]);
  }

  /** A count near one that a true message had in a field with this name. */
  like(name: string): number {
    const numbers = this.target.numbers.get(name) ?? [];
    return this.count(numbers.length === 0 ? this.int(9) : this.one(numbers));
  }

  /** A number of any kind. */
  number(): number {
    return this.chance(0.5) ? this.one(edges) : this.int(1_000);
  }

  /** A member, seldom somebody else. */
  address(): string {
    return this.chance(0.85) ? this.one(this.members) : `x${this.int(8)}:1`;
  }

  incarnation(address = this.address()): number {
    return this.count(this.target.incarnations.get(address) ?? 7);
  }

  clusterId(): string {
    return this.chance(0.95) ? this.target.clusterId : "other:1#1";
  }

  type(): string {
    return this.chance(0.9) ? this.one([...this.target.types.keys()]) : `t${this.int(4)}`;
  }

  numShards(type: string): number {
    return this.chance(0.8)
      ? this.target.types.get(type) ?? 8
      : this.one([0, 1, 7, 2 ** 14, 2 ** 20]);
  }

  shard(): number {
    return this.chance(0.9) ? this.int(12) : this.count(12);
  }

  entity(): string {
    return this.chance(0.9) ? `e${this.int(24)}` : this.text();
  }

  text(): string {
    return this.chance(0.5) ? `s${this.int(20)}` : this.one(texts);
  }

  digest(): string {
    return this.chance(0.5)
      ? this.one(["0123456789abcdef", "ffffffffffffffff"])
      : this.bytes(8).reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
  }

  bytes(length: number): Uint8Array {
    return this.random.bytes(length);
  }

  path(): string {
    return this.chance(0.8) ? this.one(this.target.paths) : `/${this.text()}`;
  }

  ref(): ForgedRef {
    const node = this.chance(0.8) ? this.address() : this.one(this.target.clients);
    return new ForgedRef(node, this.path(), this.chance(0.8) ? 0 : this.int(100));
  }

  /** A name and the number of times that it began. */
  stamp(): [number, number] {
    return [this.incarnation(), this.like("stamp")];
  }

  term(): [number, string] {
    return [this.like("term"), this.address()];
  }

  epoch(): number {
    return this.like("epoch");
  }

  /** Anything that the codec can carry. */
  value(depth = 2): unknown {
    switch (this.int(depth > 0 ? 13 : 9)) {
      case 0:
        return this.number();
      case 1:
        return this.text();
      case 2:
        return this.chance(0.5);
      case 3:
        return undefined;
      case 4:
        return null;
      case 5:
        return this.bytes(this.int(40));
      case 6:
        return BigInt(this.int(1_000)) ** BigInt(this.int(30));
      case 7:
        return new Date(this.int(1_000_000));
      case 8:
        return this.ref();
      case 9:
        return this.list(4, () => this.value(depth - 1));
      case 10:
        return Object.fromEntries(this.list(4, () => [`k${this.int(9)}`, this.value(depth - 1)]));
      case 11:
        return new Map(this.list(4, () => [this.value(0), this.value(depth - 1)]));
      default:
        return new Error(this.text());
    }
  }
}
