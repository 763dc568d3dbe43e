import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  checkLinearizability,
  History,
  type Operation,
  type RegisterInput,
  registerModel,
  type RegisterOutput,
  SeededRandom,
  TestkitError,
} from "../../../lib/testkit/mod.ts";

type Op = Operation<RegisterInput<number>, RegisterOutput<number>>;

const model = registerModel<number>(0);
const read = { type: "read" } as const;
const write = (value: number) => ({ type: "write", value }) as const;
const cas = (expected: number, value: number) =>
  ({ type: "compareAndSet", expected, value }) as const;

function op(
  client: string,
  input: RegisterInput<number>,
  called: number,
  returned: number | undefined,
  output?: RegisterOutput<number>,
): Op {
  return { client, key: "x", input, called, returned, output };
}

const verdictOf = (history: readonly Op[]) => checkLinearizability(history, model).verdict;

Deno.test("a sequential history is linearizable", () => {
  const history = [
    op("a", write(1), 0, 1),
    op("a", read, 2, 3, 1),
    op("a", cas(1, 2), 4, 5, true),
    op("a", cas(1, 3), 6, 7, false),
    op("a", read, 8, 9, 2),
  ];
  assertEquals(verdictOf(history), "linearizable");
});

Deno.test("a stale read after a completed write is a violation", () => {
  const report = checkLinearizability([
    op("a", write(1), 0, 1),
    op("b", read, 2, 3, 0),
  ], model);
  assertEquals(report.verdict, "violation");
  assertEquals(report.key, "x");
  assertEquals(report.explained.map(({ input }) => input), [write(1)]);
  assertEquals(report.stuck.map(({ client }) => client), ["b"]);
});

Deno.test("a read that overlaps a write may return the old or the new value", () => {
  for (const value of [0, 1]) {
    assertEquals(verdictOf([op("a", write(1), 0, 10), op("b", read, 2, 3, value)]), "linearizable");
  }
  assertEquals(verdictOf([op("a", write(1), 0, 10), op("b", read, 2, 3, 2)]), "violation");
});

Deno.test("two reads must not see a write and then its absence", () => {
  const history = [
    op("a", write(1), 0, 10),
    op("b", read, 1, 2, 1),
    op("c", read, 3, 4, 0),
  ];
  assertEquals(verdictOf(history), "violation");
});

Deno.test("only one of two overlapping compare-and-sets of one value may win", () => {
  const race = (second: boolean) => [
    op("a", cas(0, 1), 0, 10, true),
    op("b", cas(0, 2), 0, 10, second),
  ];
  assertEquals(verdictOf(race(false)), "linearizable");
  assertEquals(verdictOf(race(true)), "violation");
});

Deno.test("an operation with an unknown outcome may take effect late, early or never", () => {
  const timedOut = op("a", write(1), 0, undefined);
  assertEquals(verdictOf([timedOut, op("b", read, 1, 2, 0)]), "linearizable");
  assertEquals(
    verdictOf([timedOut, op("b", read, 1, 2, 0), op("b", read, 3, 4, 1)]),
    "linearizable",
  );
  const twice = [timedOut, op("b", read, 1, 2, 1), op("b", read, 3, 4, 0)];
  assertEquals(verdictOf(twice), "violation");
  // It cannot have taken effect before it was called.
  assertEquals(verdictOf([op("b", read, 0, 1, 1), op("a", write(1), 2, undefined)]), "violation");
});

Deno.test("a lost update between two owners is a violation", () => {
  // Two owners of one register, each with its own copy: both count from 0.
  const history = [
    op("left", cas(0, 1), 0, 1, true),
    op("right", cas(0, 1), 2, 3, true),
  ];
  assertEquals(verdictOf(history), "violation");
});

Deno.test("keys are checked one by one, and the report names the one that fails", () => {
  const of = (key: string, operations: Op[]) => operations.map((each) => ({ ...each, key }));
  const report = checkLinearizability([
    ...of("good", [op("a", write(1), 0, 1), op("a", read, 2, 3, 1)]),
    ...of("bad", [op("a", write(1), 4, 5), op("a", read, 6, 7, 0)]),
  ], model);
  assertEquals([report.verdict, report.key], ["violation", "bad"]);
});

Deno.test("a check that is bounded says that it does not know", () => {
  const history = Array.from({ length: 12 }, (_, i) => op(`c${i}`, write(i), 0, 100));
  history.push(op("r", read, 101, 102, 99));
  const report = checkLinearizability(history, model, { maxConfigurations: 50 });
  assertEquals(report.verdict, "unknown");
});

Deno.test("examined configurations are remembered", () => {
  // Without memory this takes 16! steps.
  const history = Array.from({ length: 16 }, (_, i) => op(`c${i}`, write(i % 2), 0, 100));
  history.push(op("r", read, 101, 102, 99));
  const report = checkLinearizability(history, model);
  assertEquals(report.verdict, "violation");
  assert(report.configurations < 200_000, `${report.configurations} configurations`);
});

Deno.test("many unknown outcomes do not make the search exponential", () => {
  // 60 writes that may have happened, and reads that saw some of them: without dominance 2^60.
  const unknown = Array.from({ length: 60 }, (_, i) => op(`u${i}`, write(100 + i), i, undefined));
  const reads = Array.from(
    { length: 60 },
    (_, i) => op("r", read, 61 + 2 * i, 62 + 2 * i, 100 + i),
  );
  const report = checkLinearizability([...unknown, ...reads], model);
  assertEquals(report.verdict, "linearizable");
  assert(report.configurations < 10_000, `${report.configurations} configurations`);
  // Each can have taken effect once only: a value that comes again is a violation.
  const again = op("r", read, 300, 301, 100);
  const refuted = checkLinearizability([...unknown, ...reads, again], model);
  assertEquals(refuted.verdict, "violation");
  assert(refuted.configurations < 20_000, `${refuted.configurations} configurations`);
});

Deno.test("an operation that returned before it was called is refused", () => {
  assertThrows(() => verdictOf([op("a", read, 5, 4, 0)]), TestkitError);
});

Deno.test("the recorder keeps order, drops what failed, and keeps what is unknown", () => {
  const history = new History<RegisterInput<number>, RegisterOutput<number>>();
  const lost = history.call("a", "x", write(1));
  const failed = history.call("b", "x", write(2));
  failed.failed();
  failed.ok(undefined);
  lost.unknown();
  history.call("c", "x", read).ok(1);
  const operations = history.operations();
  assertEquals(operations.map(({ client, returned }) => [client, returned !== undefined]), [
    ["a", false],
    ["c", true],
  ]);
  assertEquals(verdictOf(operations), "linearizable");
});

/** Tries every order; for small histories only. */
function bruteForce(history: readonly Op[]): boolean {
  const search = (left: readonly Op[], state: number): boolean => {
    if (left.every(({ returned }) => returned === undefined)) return true;
    const firstReturn = Math.min(...left.map(({ returned }) => returned ?? Infinity));
    return left.some((each) => {
      if (each.called > firstReturn) return false;
      const after = model.step(state, each.input, each.output, each.returned !== undefined);
      return after !== "illegal" && search(left.filter((other) => other !== each), after.state);
    });
  };
  return search(history, 0);
}

const smallHistory = fc.array(
  fc.record({
    input: fc.oneof(
      fc.constant(read),
      fc.integer({ min: 0, max: 2 }).map(write),
      fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })).map(([a, b]) =>
        cas(a, b)
      ),
    ),
    called: fc.integer({ min: 0, max: 12 }),
    length: fc.integer({ min: 0, max: 6 }),
    unknown: fc.boolean().map((flag) => flag),
    value: fc.integer({ min: 0, max: 2 }),
    won: fc.boolean(),
  }),
  { maxLength: 7 },
).map((items) =>
  items.map(({ input, called, length, unknown, value, won }, index) => {
    const output = input.type === "read" ? value : input.type === "write" ? undefined : won;
    return op(`c${index}`, input, called, unknown ? undefined : called + length, output);
  })
);

Deno.test("small histories get the verdict of trying every order", () => {
  let violations = 0;
  fc.assert(
    fc.property(smallHistory, (history) => {
      const expected = bruteForce(history);
      if (!expected) violations++;
      return (verdictOf(history) === "linearizable") === expected;
    }),
    { numRuns: 3_000 },
  );
  assert(violations > 300, `only ${violations} histories were violations`);
});

/** A history of one true register: each operation takes effect at a random instant of its own. */
function trueHistory(random: SeededRandom, clients: number, each: number): Op[] {
  const plans = Array.from({ length: clients }, (_, client) => {
    let now = 0;
    return Array.from({ length: each }, () => {
      const called = now + random.next();
      const effect = called + random.next() * 3;
      now = effect + random.next() * 3;
      const kind = random.next();
      const value = () => Math.floor(random.next() * 5);
      const input = kind < 0.4 ? read : kind < 0.7 ? write(value()) : cas(value(), value());
      return {
        client: `c${client}`,
        called,
        effect,
        returned: now,
        input,
        lost: random.next() < 0.03,
      };
    });
  }).flat().sort((a, b) => a.effect - b.effect);
  let state = 0;
  return plans.map(({ client, called, returned, input, lost }) => {
    let output: RegisterOutput<number>;
    if (input.type === "read") output = state;
    else if (input.type === "write") state = input.value;
    else if ((output = state === input.expected)) state = input.value;
    return op(client, input, called, lost ? undefined : returned, output);
  });
}

Deno.test("long histories of a true register are linearizable, and planted faults are found", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new SeededRandom(seed);
    const history = trueHistory(random, 6, 40);
    assertEquals(verdictOf(history), "linearizable", `seed ${seed}`);
    const reads = history.flatMap(({ input, returned }, index) =>
      input.type === "read" && returned !== undefined ? [index] : []
    );
    const at = reads[Math.floor(random.next() * reads.length)]!;
    // What nobody ever wrote.
    const forged = history.with(at, { ...history[at]!, output: 77 });
    assertEquals(verdictOf(forged), "violation", `seed ${seed}`);
  }
});

/** Whether an order is one: legal, complete, and never against the order of return and call. */
function explains(order: readonly Op[], history: readonly Op[]): boolean {
  let state = 0;
  for (const [at, each] of order.entries()) {
    const after = model.step(state, each.input, each.output, each.returned !== undefined);
    if (after === "illegal") return false;
    state = after.state;
    if (order.slice(at + 1).some(({ returned }) => (returned ?? Infinity) < each.called)) {
      return false;
    }
  }
  return history.every((each) => each.returned === undefined || order.includes(each));
}

Deno.test("the order of a linearizable history explains it", () => {
  for (let seed = 0; seed < 20; seed++) {
    const history = trueHistory(new SeededRandom(seed), 4, 30);
    assert(explains(checkLinearizability(history, model).explained, history), `seed ${seed}`);
  }
});

/** The same history with other values, so that no value of one side is one of the other. */
function shifted(history: readonly Op[], by: number): Op[] {
  return history.map((each) => {
    const { input, output } = each;
    const client = `shifted-${each.client}`;
    switch (input.type) {
      case "read":
        // 0 is the register's first value, on both sides.
        return { ...each, client, output: output === 0 ? 0 : output as number + by };
      case "write":
        return { ...each, client, input: write(input.value + by) };
      case "compareAndSet":
        return { ...each, client, input: cas(input.expected + by, input.value + by) };
    }
  });
}

Deno.test("two owners of one register are found in long histories", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new SeededRandom(seed);
    // Each half of the clients has a register of its own, as on two sides of a partition.
    const left = trueHistory(random, 3, 40);
    const right = shifted(trueHistory(random, 3, 40), 10);
    assertEquals(verdictOf([...left, ...right]), "violation", `seed ${seed}`);
  }
});
