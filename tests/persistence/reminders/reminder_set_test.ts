import { assertEquals, assertThrows } from "@std/assert";
import { ReminderSet } from "../../../lib/persistence/reminders/reminder_set.ts";

const every = (key: string, due: number, message: unknown = key) =>
  ({ type: "set", key, due, schedule: { type: "every", interval: 1_000 }, message }) as const;

function setOf(...entries: readonly unknown[]): ReminderSet {
  const set = new ReminderSet();
  for (const entry of entries) set.apply(entry);
  return set;
}

Deno.test("a key has one reminder: the last that was set", () => {
  const set = setOf(every("a", 5, "old"), every("b", 7), every("a", 9, "new"));
  assertEquals(set.list().map(({ key, due, message }) => [key, due, message]), [
    ["a", 9, "new"],
    ["b", 7, "b"],
  ]);
  assertEquals(set.wake, 7);
  set.apply({ type: "cancelled", key: "b" });
  assertEquals(set.wake, 9);
  set.apply({ type: "cancelled", key: "a" });
  assertEquals([set.wake, set.size, set.save()], [undefined, 0, undefined]);
});

Deno.test("what is due comes the soonest first, and each due time can be marked once", () => {
  const set = setOf(every("a", 900), every("b", 500), every("c", 1_001));
  assertEquals(set.due(1_000).map(({ key }) => key), ["b", "a"]);
  const mark = set.fired("b", 500, 2_700);
  assertEquals(mark, { type: "fired", key: "b", due: 500, next: 3_500 });
  set.apply(mark);
  assertEquals(set.fired("b", 500, 2_700), undefined);
  assertEquals(set.due(2_700).map(({ key }) => key), ["a", "c"]);
});

Deno.test("a reminder for once is gone when it was handled", () => {
  const set = setOf({ ...every("a", 500), schedule: { type: "once", at: 500 } });
  set.apply(set.fired("a", 500, 600));
  assertEquals(set.size, 0);
});

Deno.test("a reminder that was replaced or cancelled meanwhile is no longer due", () => {
  const set = setOf(every("a", 500), every("b", 500));
  set.apply(every("a", 800));
  set.apply({ type: "cancelled", key: "b" });
  assertEquals([set.fired("a", 500, 900), set.fired("b", 500, 900)], [undefined, undefined]);
});

Deno.test("a saved set is the same when it is loaded", () => {
  const set = setOf(every("a", 500), every("b", 400, { type: "ring", times: 2 }));
  const loaded = new ReminderSet();
  loaded.load(structuredClone(set.save()));
  assertEquals(loaded.list(), set.list());
});

Deno.test("entries of another form are refused", () => {
  const set = setOf(every("a", 500));
  for (
    const entry of [
      {},
      { type: "set", key: "b" },
      { type: "other", key: "a" },
      { type: "fired", key: "a", due: 501 },
      { type: "fired", key: "b", due: 500 },
    ]
  ) assertThrows(() => set.apply(entry), TypeError);
});
