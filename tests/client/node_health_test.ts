import { assert, assertEquals } from "@std/assert";
import { NodeHealth } from "../../lib/client/node_health.ts";

const timing = { minPause: 100, maxPause: 800 };

Deno.test("a node that fails is not used until a probe has found it again", () => {
  const health = new NodeHealth(timing);
  assert(health.isUsable("a"));
  assertEquals(health.failed("a", 0, 1), true);
  assertEquals(health.isUsable("a"), false);
  assertEquals(health.isUsable("b"), true);
  assertEquals(health.due(99), []);
  assertEquals(health.due(100), ["a"]);
  assertEquals(health.due(101), [], "one probe at a time");
  assertEquals(health.isUsable("a"), false);
  assertEquals(health.up("a"), true);
  assert(health.isUsable("a"));
  assertEquals(health.up("a"), false);
});

Deno.test("the pause before a probe doubles, up to a bound, and begins anew after a success", () => {
  const health = new NodeHealth(timing);
  let now = 0;
  const pauses: number[] = [];
  for (let round = 0; round < 6; round++) {
    health.failed("a", now, 1);
    const since = now;
    while (health.due(now).length === 0) now += 50;
    pauses.push(now - since);
  }
  assertEquals(pauses, [100, 200, 400, 800, 800, 800]);
  health.up("a");
  health.failed("a", now, 1);
  assertEquals(health.due(now + 100), ["a"]);
});

Deno.test("several failures at once count as one", () => {
  const health = new NodeHealth(timing);
  assertEquals(health.failed("a", 0, 1), true);
  for (let i = 0; i < 5; i++) assertEquals(health.failed("a", 0, 1), false);
  assertEquals(health.due(100), ["a"]);
});

Deno.test("a probe that nobody answers is repeated", () => {
  const health = new NodeHealth(timing);
  health.failed("a", 0, 1);
  assertEquals(health.due(100), ["a"]);
  assertEquals(health.due(10_099), []);
  assertEquals(health.due(10_100), ["a"]);
});

Deno.test("a node that is no longer a member is forgotten", () => {
  const health = new NodeHealth(timing);
  health.failed("a", 0, 1);
  health.retain(new Set(["b"]));
  assert(health.isUsable("a"));
  assertEquals(health.due(1_000), []);
});
