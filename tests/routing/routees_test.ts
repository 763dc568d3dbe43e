import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ActorError } from "../../lib/actor/errors.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { highestWeight, identityHashes, Routees } from "../../lib/routing/routees.ts";
import { consistentHash, random, roundRobin } from "../../lib/routing/routing_strategy.ts";
import { hashText } from "../../lib/runtime/fnv.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { InboxRef } from "../../lib/testkit/test_inbox.ts";

/** A routee of another node. */
class FarRef extends Ref<string> {
  readonly got: string[] = [];
  readonly node: string;
  readonly path: string;
  readonly uid: number;

  constructor(node: string, path: string, uid = 1) {
    super();
    this.node = node;
    this.path = path;
    this.uid = uid;
  }
  override tell(message: string): void {
    this.got.push(message);
  }
}

const refsOf = (names: readonly string[]) =>
  names.map((name) => new FarRef(`${name}:25520`, "/worker"));
const byItself = consistentHash((message: string) => message);
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), {
  minLength: 2,
  maxLength: 12,
});
const keys = Array.from({ length: 400 }, (_, index) => `customer-${index}`);

/** Which node each key goes to. */
function placement(refs: readonly FarRef[]): Map<string, string> {
  const seeds = identityHashes(refs);
  return new Map(keys.map((key) => [key, refs[highestWeight(seeds, hashText(key))]!.node]));
}

Deno.test("a routee that comes takes keys from the others, and no other key moves", () => {
  fc.assert(fc.property(names, (nodes) => {
    const refs = refsOf(nodes);
    const before = placement(refs.slice(1));
    const newcomer = refs[0]!.node;
    for (const [key, node] of placement(refs)) {
      if (node !== newcomer) assertEquals(node, before.get(key), key);
    }
  }));
});

Deno.test("where a key goes does not depend on the order of the routees, nor on incarnations", () => {
  fc.assert(fc.property(names, (nodes) => {
    const backwards = [...nodes].reverse().map((name) =>
      new FarRef(`${name}:25520`, "/worker", 99)
    );
    assertEquals(placement(backwards), placement(refsOf(nodes)));
  }));
});

Deno.test("a routee that comes or goes moves about its share of the keys", () => {
  const many = Array.from({ length: 50_000 }, (_, index) => hashText(`order/${index}`));
  for (const size of [2, 5, 20]) {
    const refs = refsOf(Array.from({ length: size + 1 }, (_, index) => `node-${index}`));
    const [small, large] = [identityHashes(refs.slice(0, size)), identityHashes(refs)];
    const moved = many.filter((hash) =>
      highestWeight(small, hash) !== highestWeight(large, hash)
    ).length;
    const share = moved * (size + 1) / many.length;
    assert(share > 0.9 && share < 1.1, `${size} routees: ${share} of a share moved`);
  }
});

Deno.test("keys spread evenly over routees", () => {
  const refs = Array.from(
    { length: 16 },
    (_, index) => new FarRef("", `/pool/routee-${index + 1}`),
  );
  const seeds = identityHashes(refs);
  const counts = new Array(16).fill(0);
  for (let key = 0; key < 64_000; key++) counts[highestWeight(seeds, hashText(`${key}`))]++;
  for (const count of counts) assert(count > 3_700 && count < 4_300, `uneven: ${counts}`);
});

Deno.test("routees that share their first seed share the keys by the second", () => {
  const both = Int32Array.of(7, 100, 7, 200);
  const swapped = Int32Array.of(7, 200, 7, 100);
  const counts = [0, 0];
  for (let key = 0; key < 1_000; key++) {
    const hash = hashText(`${key}`);
    const chosen = highestWeight(both, hash);
    assertEquals(highestWeight(swapped, hash), 1 - chosen);
    counts[chosen]!++;
  }
  assert(counts.every((count) => count > 400), `uneven: ${counts}`);
});

Deno.test("an only routee gets every key", () => {
  const seeds = identityHashes(refsOf(["one"]));
  fc.assert(fc.property(fc.integer(), (hash) => assertEquals(highestWeight(seeds, hash), 0)));
});

Deno.test("in turn, each routee gets its share, whichever routees come or go", () => {
  const routees = new Routees<string>(roundRobin(), new SeededRandom(1));
  const [a, b, c, d] = refsOf(["a", "b", "c", "d"]) as [FarRef, FarRef, FarRef, FarRef];
  const log: string[] = [];
  const send = () => {
    const before = [a, b, c, d].map(({ got }) => got.length);
    routees.tell("x", 0);
    log.push("abcd"[[a, b, c, d].findIndex(({ got }, index) => got.length > before[index]!)]!);
  };
  routees.replace([a, b, c]);
  send();
  routees.replace([d, a, b, c]);
  send();
  routees.remove(a);
  send();
  routees.remove(d);
  send();
  send();
  routees.remove(b);
  send();
  send();
  assertEquals(log.join(""), "abcbccc");
});

Deno.test("whose turn it is when the last in line goes is the first", () => {
  const routees = new Routees<string>(roundRobin(), new SeededRandom(1));
  const [a, b, c] = refsOf(["a", "b", "c"]) as [FarRef, FarRef, FarRef];
  routees.replace([a, b, c]);
  routees.tell("1", 0);
  routees.tell("2", 0);
  // The same actor, known by another reference.
  routees.remove(new FarRef("c:25520", "/worker"));
  routees.tell("3", 0);
  assertEquals([a.got, b.got, c.got], [["1", "3"], ["2"], []]);
  routees.replace([]);
  assertEquals(routees.size, 0);
  routees.replace([b]);
  routees.tell("4", 0);
  assertEquals(b.got, ["2", "4"]);
});

Deno.test("by chance, each routee gets about its share, and one seed gives one history", () => {
  const run = (seed: number) => {
    const refs = refsOf(["a", "b", "c", "d"]);
    const routees = new Routees<string>(random(), new SeededRandom(seed));
    routees.replace(refs);
    for (let i = 0; i < 4_000; i++) routees.tell(`${i}`, 0);
    return refs.map(({ got }) => got);
  };
  const first = run(7);
  assertEquals(run(7), first);
  for (const got of first) assert(got.length > 900 && got.length < 1_100, `${got.length}`);
});

Deno.test("the very same message goes to one, or to all", () => {
  const got: unknown[] = [];
  const ref: ActorRef<object> = new InboxRef("/any", (message) => void got.push(message));
  const routees = new Routees<object>(roundRobin(), new SeededRandom(1));
  routees.replace([ref, ref]);
  const message = { amount: 1 };
  routees.tell(message, 0);
  routees.tellAll(message);
  assert(got.length === 3 && got.every((each) => each === message));
});

Deno.test("a key that is no text is a clear error", () => {
  const routees = new Routees<string>(
    consistentHash((_message) => 5 as unknown as string),
    new SeededRandom(1),
  );
  const error = assertThrows(() => routees.hashOf("x"), ActorError);
  assertEquals([error.code, error.value], ["badRoutingKey", 5]);
  assertEquals(new Routees(byItself, new SeededRandom(1)).hashOf("a"), hashText("a"));
});
