import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  configuredSeeds,
  describeChanges,
  isListedAs,
  type SeedConfig,
  type Seeds,
  withAlias,
  withResolvedSeeds,
} from "../../lib/membership/joining/seeds.ts";

const config = (
  self: string,
  dynamicSeeds: boolean,
  seeds: readonly string[] = [],
): SeedConfig => ({
  self: { address: self, nodeId: self, incarnation: 1, roles: [] },
  seeds,
  dynamicSeeds,
  seedWindow: 5_000,
});

/** The seeds after answers at these times. */
function after(
  it: SeedConfig,
  answers: readonly (readonly [number, readonly string[]])[],
): Seeds {
  let seeds = configuredSeeds(it);
  for (const [at, addresses] of answers) seeds = withResolvedSeeds(seeds, it, addresses, at);
  return seeds;
}

Deno.test("a list keeps its order, and this node is no other seed", () => {
  const { others, listed, first, since } = configuredSeeds(
    config("b:1", false, ["c:1", "b:1", "a:1"]),
  );
  assertEquals([others, listed, first, since], [["c:1", "a:1"], true, "c:1", -Infinity]);
});

Deno.test("all addresses of the window count, and the lowest is the first seed", () => {
  const it = config("b:1", true);
  const seeds = after(it, [[0, ["c:1"]], [1_000, ["b:1", "d:1"]], [2_000, ["a:1"]]]);
  assertEquals(seeds.others, ["a:1", "c:1", "d:1"]);
  assertEquals([seeds.listed, seeds.first, seeds.since], [true, "a:1", 0]);
});

Deno.test("an address is forgotten when no answer has named it for the window", () => {
  const it = config("b:1", true);
  const answers: [number, string[]][] = [[0, ["a:1", "b:1"]]];
  for (let at = 1_000; at <= 5_000; at += 1_000) answers.push([at, ["b:1"]]);
  assertEquals(after(it, answers).others, ["a:1"]);
  assertEquals(after(it, [...answers, [6_000, ["b:1"]]]).others, []);
});

Deno.test("answers that take longer than the window count together with the one before", () => {
  const it = config("b:1", true);
  const slow = after(it, [[0, ["a:1"]], [6_000, ["b:1"]], [12_000, ["c:1"]]]);
  assertEquals([slow.others, slow.listed], [["c:1"], true]);
  assertEquals(slow.since, 0);
});

Deno.test("another answer after a long gap starts the collection again, the same one does not", () => {
  const it = config("b:1", true);
  assertEquals(after(it, [[0, ["a:1"]], [60_000, ["a:1"]]]).since, 0);
  assertEquals(after(it, [[0, ["a:1"]], [60_000, ["b:1"]]]).since, 60_000);
});

Deno.test("without an answer the seeds are not known yet", () => {
  assertEquals(configuredSeeds(config("a:1", true)).since, Infinity);
});

Deno.test("an alias takes the place of the spelling in the list, also if it is this node", () => {
  const it = config("localhost:1", false, ["LOCALHOST:1", "b:1", "B:1"]);
  const own = withAlias(configuredSeeds(it), it, { of: "LOCALHOST:1", address: "localhost:1" });
  assertEquals([own.first, own.listed, own.others], ["localhost:1", true, ["b:1", "B:1"]]);
  const both = withAlias(own, it, { of: "B:1", address: "b:1" });
  assertEquals(both.others, ["b:1"]);
  assert(isListedAs(both, it, "B:1"));
  assert(!isListedAs(both, it, "x:1"));
});

Deno.test("an alias stays through later answers", () => {
  const it = config("z:1", true);
  let seeds = after(it, [[0, ["10.0.0.1:1"]]]);
  seeds = withAlias(seeds, it, { of: "10.0.0.1:1", address: "a:1" });
  assertEquals(withResolvedSeeds(seeds, it, ["10.0.0.1:1"], 1_000).others, ["a:1"]);
});

Deno.test("answers that keep changing are told with what they name", () => {
  const it = config("b:1", true);
  assertEquals(describeChanges(after(it, [[0, ["a:1"]], [1_000, ["a:1"]]]), it, 1_000), undefined);
  // One change is how a cluster grows.
  assertEquals(describeChanges(after(it, [[0, ["a:1"]], [1_000, ["b:1"]]]), it, 1_000), undefined);
  const text = describeChanges(
    after(it, [[0, ["a:1"]], [1_000, ["b:1"]], [2_000, ["c:1"]]]),
    it,
    2_000,
  )!;
  assertStringIncludes(text, "keep changing (2 times so far)");
  assertStringIncludes(text, "the latest one names c:1, those of the last 5 s a:1, b:1, c:1");
});
