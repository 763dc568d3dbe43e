import { assertEquals, assertMatch } from "@std/assert";
import { FencedStore } from "../../scripts/net/fenced_store.ts";
import {
  type FinalContent,
  operationsIn,
  type StructureOperation,
  violations,
} from "../../scripts/net/structure_log.ts";

let calls = 0;
const one = (
  kind: StructureOperation["kind"],
  value: string | number,
  facts: Partial<StructureOperation> = {},
): StructureOperation => ({
  call: `call-${++calls}`,
  node: "node-1",
  kind,
  from: 0,
  to: 1,
  outcome: "ok",
  value,
  ...facts,
});
const unknown = { outcome: "unknown" } as const;
const token = (epoch: bigint, count: bigint) => String((epoch << 40n) | count);
const empty: FinalContent = { sum: 0, members: [], items: [] };

Deno.test("what can have been is no violation", () => {
  const operations = [
    one("id", 1),
    one("id", 2),
    one("add", 5),
    one("add", 3, unknown),
    one("insert", "a"),
    one("insert", "b", unknown),
    one("enqueue", "x"),
    one("enqueue", "y", unknown),
    one("enqueue", "z"),
    one("dequeue", "x"),
    one("dequeue", "", unknown),
    one("write", 1),
    one("write", 2),
    one("write", 2, { outcome: "no" }),
    one("lock", token(1n, 1n), { from: 0, to: 1, until: 5 }),
    one("lock", token(1n, 2n), { from: 0, to: 5, until: 9 }),
    // It has moved, and its old holder does not know yet.
    one("lock", token(2n, 1n), { from: 7, to: 8, until: 10 }),
  ];
  for (const sum of [5, 8]) {
    assertEquals(violations(operations, { sum, members: ["a"], items: ["y"] }), []);
  }
});

const wrong: readonly [RegExp, readonly StructureOperation[], FinalContent][] = [
  [/id 1 was given twice/, [one("id", 1), one("id", 1)], empty],
  [/counter is 4, and can be 5/, [one("add", 5)], { ...empty, sum: 4 }],
  [/counter is 9, and can be 5 to 8/, [one("add", 5), one("add", 3, unknown)], {
    ...empty,
    sum: 9,
  }],
  [/a was added to the set and is not in it/, [one("insert", "a")], empty],
  [/a is in the set and nobody/, [], { ...empty, members: ["a"] }],
  [/x came out of the queue twice/, [one("enqueue", "x"), one("dequeue", "x")], {
    ...empty,
    items: ["x"],
  }],
  [/x came out of the queue and nobody/, [one("dequeue", "x")], empty],
  [/1 items are lost, and 0/, [one("enqueue", "x")], empty],
  [
    /token 5 was given twice/,
    [one("lock", "5", { until: 1 }), one("lock", "5", { until: 1 })],
    empty,
  ],
  [/got the token 4 after node-1 had 5/, [
    one("lock", "5", { until: 1 }),
    one("lock", "4", { from: 2, to: 3, until: 4 }),
  ], empty],
  [/two holders wrote 7/, [one("write", 7), one("write", 7)], empty],
  [/held the lock at one time, for 2 ms/, [
    one("lock", token(1n, 1n), { to: 1, until: 5 }),
    one("lock", token(1n, 2n), { to: 3, until: 9 }),
  ], empty],
];

for (const [what, operations, final] of wrong) {
  Deno.test(`a violation is found: ${what.source}`, () => {
    const found = violations(operations, final);
    assertEquals(found.length, 1, found.join("; "));
    assertMatch(found[0]!, what);
  });
}

Deno.test("a process that stands still holds what it holds until then", () => {
  const operations = [
    one("lock", token(1n, 1n), { node: "node-1", to: 1, until: 9_005 }),
    one("lock", token(1n, 2n), { node: "node-2", to: 4_000, until: 4_001 }),
  ];
  const stall = (from: number, to: number, node = "node-1") => [
    ...operations,
    one("stall", "", { node, from, to }),
  ];
  assertEquals(violations(operations, empty).length, 1);
  assertEquals(violations(stall(2_000, 9_000), empty), []);
  // Not at that time, or of another process.
  assertEquals(violations(stall(2_000, 8_000), empty).length, 1);
  assertEquals(violations(stall(5_000, 9_000), empty).length, 1);
  assertEquals(violations(stall(2_000, 9_000, "node-2"), empty).length, 1);
});

Deno.test("the last line of a call counts", () => {
  const begun = one("add", 1, unknown);
  const lines = [begun, { ...begun, outcome: "ok" }, one("add", 2, unknown)];
  const outcomes = operationsIn(lines.map((line) => JSON.stringify(line)));
  assertEquals(outcomes.map(({ outcome }) => outcome), ["ok", "unknown"]);
});

Deno.test("a fenced store takes no read and no write of a token that was replaced", async () => {
  const folder = await Deno.makeTempDir();
  const [one, other] = [1, 2].map(() => new FencedStore(`${folder}/store`));
  assertEquals(one!.read(5n), 0);
  assertEquals([one!.write(5n, 1), other!.read(7n << 60n), one!.write(5n, 2)], [true, 1, false]);
  assertEquals([one!.read(6n), other!.write(7n << 60n, 2), other!.read(8n << 60n)], [
    undefined,
    true,
    2,
  ]);
  await Deno.remove(folder, { recursive: true });
});
