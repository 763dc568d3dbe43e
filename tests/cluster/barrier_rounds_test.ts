import { assertEquals } from "@std/assert";
import { BarrierRounds } from "../../lib/cluster/node/barrier_rounds.ts";

const at = (id: string) => ({ id, node: `node-of-${id}` });

Deno.test("all parties are released together, and the barrier can be reused", () => {
  const rounds = new BarrierRounds(1_000);
  for (let round = 0; round < 2; round++) {
    assertEquals(rounds.arrive("b", 3, at(`x${round}`), 0), { type: "waiting" });
    assertEquals(rounds.arrive("b", 3, at(`y${round}`), 0), { type: "waiting" });
    assertEquals(rounds.arrive("b", 3, at(`z${round}`), 0), {
      type: "released",
      arrivals: [at(`x${round}`), at(`y${round}`), at(`z${round}`)],
    });
    assertEquals(rounds.size, 0);
  }
});

Deno.test("a repeated arrival counts once", () => {
  const rounds = new BarrierRounds(1_000);
  rounds.arrive("b", 2, at("x"), 0);
  assertEquals(rounds.arrive("b", 2, at("x"), 1), { type: "waiting" });
});

Deno.test("a cancelled or expired arrival does not count", () => {
  const rounds = new BarrierRounds(1_000);
  rounds.arrive("b", 2, at("x"), 0);
  rounds.cancel("b", "x");
  assertEquals(rounds.size, 0);
  rounds.arrive("b", 2, at("y"), 0);
  assertEquals(rounds.arrive("b", 2, at("z"), 1_001), { type: "waiting" });
});

Deno.test("a different number of parties is a conflict", () => {
  const rounds = new BarrierRounds(1_000);
  rounds.arrive("b", 2, at("x"), 0);
  assertEquals(rounds.arrive("b", 3, at("y"), 0), { type: "conflict", expected: 2 });
});

Deno.test("a barrier of one party is released at once", () => {
  const rounds = new BarrierRounds(1_000);
  assertEquals(rounds.arrive("b", 1, at("x"), 0), { type: "released", arrivals: [at("x")] });
});
