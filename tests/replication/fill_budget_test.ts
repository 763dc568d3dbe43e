import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FillBudget, restAfter } from "../../lib/replication/fill_budget.ts";
import { FillTurns } from "../../lib/replication/fill_turns.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

Deno.test("the parts of all fills to one node share a bound, and every fill gets its turn", () => {
  const limit = 4;
  const target = "c:1";
  const fills = ["t/0", "t/1", "t/2", "t/3", "t/4", "t/5", "t/6"];
  /** What each owner's part would say: parts that it has requested and that are not confirmed. */
  type Event = { readonly fill: number; readonly what: "request" | "confirm" | "drop" };
  const event = fc.record<Event>({
    fill: fc.nat(fills.length - 1),
    what: fc.constantFrom("request", "request", "confirm", "drop"),
  });
  fc.assert(fc.property(fc.array(event, { maxLength: 200 }), (events) => {
    const budget = new FillBudget(limit);
    const underWay = new Map(fills.map((fill) => [fill, 0]));
    const waiting = new Set<string>();
    const takeAll = () => {
      for (let fill = budget.take(target); fill !== undefined; fill = budget.take(target)) {
        assert(waiting.delete(fill), "it has not asked");
      }
    };
    const settle = (fill: string) => {
      budget.settle(target, fill, underWay.get(fill)!);
      takeAll();
    };
    for (const { fill: at, what } of events) {
      const fill = fills[at]!;
      if (what === "request" && !waiting.has(fill) && underWay.get(fill)! < limit) {
        underWay.set(fill, underWay.get(fill)! + 1);
        waiting.add(fill);
        budget.request(target, fill);
      } else if (what === "confirm" && underWay.get(fill)! > (waiting.has(fill) ? 1 : 0)) {
        underWay.set(fill, underWay.get(fill)! - 1);
      } else if (what === "drop") {
        underWay.set(fill, 0);
        waiting.delete(fill);
      }
      settle(fill);
      let held = 0;
      for (const [name, count] of underWay) held += count - (waiting.has(name) ? 1 : 0);
      assertEquals(budget.underWay(target), held, "no credit is lost, or found");
      assert(held <= limit);
      if (waiting.size > 0) assertEquals(held, limit, "a fill waits although there is credit");
    }
    for (const fill of fills) {
      underWay.set(fill, 0);
      waiting.delete(fill);
      settle(fill);
    }
    assertEquals(budget.underWay(target), 0);
  }));
});

Deno.test("a fill that goes on waits behind those that have waited longer", () => {
  const budget = new FillBudget(1);
  for (const fill of ["a", "b"]) budget.request("c:1", fill);
  assertEquals(budget.take("c:1"), "a");
  budget.request("c:1", "a");
  assertEquals(budget.take("c:1"), undefined);
  budget.settle("c:1", "a", 1);
  assertEquals(budget.take("c:1"), "b");
  budget.settle("c:1", "b", 0);
  assertEquals(budget.take("c:1"), "a");
});

Deno.test("a slow node does not keep others from being filled", () => {
  const budget = new FillBudget(1);
  for (const target of ["c:1", "d:1"]) budget.request(target, "a");
  assertEquals(budget.take("c:1"), "a");
  assertEquals(budget.take("d:1"), "a");
});

Deno.test("a node handles one part in a turn, and rests as long as the turn took", async () => {
  assertEquals([restAfter(-1), restAfter(3), restAfter(1_000)], [0, 3, 20]);
  const clock = new ManualClock();
  const turns = new FillTurns(clock);
  const done: [part: number, at: number][] = [];
  const begun = clock.now();
  for (let part = 0; part < 3; part++) {
    void turns.next().then(() => done.push([part, clock.now() - begun]));
  }
  assertEquals(done, [], "not in the turn of the caller");
  await clock.advance(0);
  assertEquals(done.length, 3, "on virtual time no turn takes any time");
});
