import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type OffsetRow,
  readOffsets,
  takeOver,
  writeOffsets,
} from "../../lib/persistence/projections/offset_rows.ts";
import { divideSlices } from "../../lib/persistence/projections/slice_ranges.ts";

function opened(rows: readonly OffsetRow[], from: number, to: number, grant?: number) {
  const result = takeOver(rows, { from, to }, grant);
  assert(result.outcome === "opened", result.outcome);
  return result;
}

Deno.test("the first worker begins with nothing", () => {
  assertEquals(opened([], 0, 9), {
    outcome: "opened",
    own: { from: 0, to: 9, fence: 1, grant: 0, offsets: new Map() },
    rest: [],
  });
});

Deno.test("each opening has a higher fence, and keeps the offsets", () => {
  const row = { from: 0, to: 9, fence: 4, grant: 7, offsets: new Map([[3, 12n]]) };
  assertEquals(opened([row], 0, 9, 7).own, { ...row, fence: 5 });
  assertEquals(opened([row], 0, 9, 9).own, { ...row, fence: 5, grant: 9 });
  assertEquals(opened([row], 0, 9).own, { ...row, fence: 5 });
});

Deno.test("a worker of an earlier grant does not take its slices back", () => {
  const row = { from: 0, to: 9, fence: 4, grant: 7, offsets: new Map() };
  assertEquals(takeOver([row], { from: 0, to: 9 }, 6), { outcome: "fenced", grant: 7 });
});

Deno.test("a worker of other slices takes over what they share, whatever its grant is", () => {
  const wide = {
    from: 0,
    to: 9,
    fence: 4,
    grant: 7,
    offsets: new Map([[1, 1n], [4, 4n], [8, 8n]]),
  };
  const { own, rest } = opened([wide], 3, 5, 2);
  assertEquals(own, { from: 3, to: 5, fence: 5, grant: 2, offsets: new Map([[4, 4n]]) });
  assertEquals(rest, [
    { from: 0, to: 2, fence: 5, grant: 0, offsets: new Map([[1, 1n]]) },
    { from: 6, to: 9, fence: 5, grant: 0, offsets: new Map([[8, 8n]]) },
  ]);
  const back = opened([own, ...rest], 0, 9, 7);
  assertEquals(back.own, { ...wide, fence: 6 });
  assertEquals(back.rest, []);
});

const range = fc.tuple(fc.integer({ min: 0, max: 31 }), fc.integer({ min: 0, max: 31 }))
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));

Deno.test("whatever ranges are opened: no slice is lost or held twice, and fences only grow", () => {
  fc.assert(fc.property(fc.array(range, { maxLength: 12 }), (ranges) => {
    let rows: OffsetRow[] = [];
    const offsets = new Map<number, bigint>();
    let saved = 0n;
    for (const { from, to } of ranges) {
      const overlapping = rows.filter((row) => row.from <= to && row.to >= from);
      const { own, rest } = opened(overlapping, from, to);
      // Each earlier worker of these slices is fenced: its row is gone, or has another fence.
      for (const row of overlapping) {
        const same = [own, ...rest].find((one) => one.from === row.from && one.to === row.to);
        assert(same === undefined || same.fence > row.fence);
      }
      const next = new Map(own.offsets);
      for (let slice = from; slice <= to; slice++) next.set(slice, ++saved).get(slice);
      for (const [slice, position] of next) offsets.set(slice, position);
      rows = [
        ...rows.filter((row) => !overlapping.includes(row)),
        { ...own, offsets: next },
        ...rest,
      ];
    }
    const found = rows.flatMap((row) => [...row.offsets]);
    assertEquals(new Map(found), offsets);
    const slices = rows.flatMap(({ from, to }) =>
      Array.from({ length: to - from + 1 }, (_, index) => from + index)
    );
    assertEquals(new Set(slices).size, slices.length);
  }));
});

Deno.test("offsets come back from their text", () => {
  const some = fc.array(fc.tuple(fc.integer({ min: 5, max: 20 }), fc.bigInt({ min: 1n, max: 3n })));
  fc.assert(fc.property(some, (entries) => {
    const offsets = new Map(entries);
    const slices = { from: 5, to: 20 };
    const read = readOffsets(slices, writeOffsets(slices, offsets));
    assertEquals([...read].sort(([a], [b]) => a - b), [...offsets].sort(([a], [b]) => a - b));
  }));
  const slices = { from: 0, to: 127 };
  const all = new Map(Array.from({ length: 128 }, (_, slice) => [slice, 1_234_567n]));
  assertEquals(writeOffsets(slices, all), "1234567");
  assertEquals(writeOffsets(slices, new Map()), "0");
});

Deno.test("slices are divided evenly, without gaps", () => {
  fc.assert(fc.property(range, fc.integer({ min: 1, max: 40 }), (slices, workers) => {
    const ranges = divideSlices(slices, workers);
    let next = slices.from;
    const sizes = ranges.map(({ from, to }) => {
      assertEquals(from, next);
      next = to + 1;
      return to - from + 1;
    });
    assertEquals(next, slices.to + 1);
    assert(Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join());
    assert(ranges.length <= workers);
  }));
});
