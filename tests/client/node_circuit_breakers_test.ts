import { assert, assertEquals } from "@std/assert";
import { NodeCircuitBreakers } from "../../lib/client/node_circuit_breakers.ts";

const timing = { minPause: 100, maxPause: 800 };

Deno.test("the circuit of a node that fails is open until a probe has connected", () => {
  const breakers = new NodeCircuitBreakers(timing);
  assert(breakers.isClosed("a"));
  assertEquals(breakers.failed("a", 0, 1), true);
  assertEquals(breakers.isClosed("a"), false);
  assertEquals(breakers.isClosed("b"), true);
  assertEquals(breakers.dueProbes(99), []);
  assertEquals(breakers.dueProbes(100), ["a"]);
  assertEquals(breakers.dueProbes(101), [], "one probe at a time");
  assertEquals(breakers.isClosed("a"), false);
  assertEquals(breakers.connected("a"), true);
  assert(breakers.isClosed("a"));
  assertEquals(breakers.connected("a"), false);
});

Deno.test("the pause before a probe doubles, up to a bound, and starts again after a success", () => {
  const breakers = new NodeCircuitBreakers(timing);
  let now = 0;
  const pauses: number[] = [];
  for (let round = 0; round < 6; round++) {
    breakers.failed("a", now, 1);
    const since = now;
    while (breakers.dueProbes(now).length === 0) now += 50;
    pauses.push(now - since);
  }
  assertEquals(pauses, [100, 200, 400, 800, 800, 800]);
  breakers.connected("a");
  breakers.failed("a", now, 1);
  assertEquals(breakers.dueProbes(now + 100), ["a"]);
});

Deno.test("several failures during one attempt count as one", () => {
  const breakers = new NodeCircuitBreakers(timing);
  assertEquals(breakers.failed("a", 0, 1), true);
  for (let i = 0; i < 5; i++) assertEquals(breakers.failed("a", 0, 1), false);
  assertEquals(breakers.dueProbes(100), ["a"]);
});

Deno.test("a probe without an outcome is repeated", () => {
  const breakers = new NodeCircuitBreakers(timing);
  breakers.failed("a", 0, 1);
  assertEquals(breakers.dueProbes(100), ["a"]);
  assertEquals(breakers.dueProbes(10_099), []);
  assertEquals(breakers.dueProbes(10_100), ["a"]);
});

Deno.test("a node that is no longer a member is forgotten", () => {
  const breakers = new NodeCircuitBreakers(timing);
  breakers.failed("a", 0, 1);
  breakers.retain(new Set(["b"]));
  assert(breakers.isClosed("a"));
  assertEquals(breakers.dueProbes(1_000), []);
});
