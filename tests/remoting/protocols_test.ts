import { assertEquals } from "@std/assert";
import { parseLostQuestion } from "../../lib/remoting/lost_asks.ts";
import { parseRejections } from "../../lib/remoting/rejections.ts";
import { parseWatchMessage } from "../../lib/remoting/watch_protocol.ts";

const many = (item: unknown) => Array.from({ length: 65 }, () => item);

Deno.test("messages about watches are taken apart field by field, and others are refused", () => {
  const item = { id: 1, path: "/a", uid: 2 };
  const good = [
    { type: "watch", session: 0, items: [item] },
    { type: "watching", session: 7, ids: [1, 2] },
    { type: "gone", items: [{ id: 1, reason: "failed" }] },
    { type: "forget", ids: [] },
    { type: "forgotten", ids: [0] },
  ];
  for (const message of good) assertEquals(parseWatchMessage(message), message as never);
  assertEquals(parseWatchMessage({ ...good[0], items: [{ ...item, more: 1 }], more: 1 }), {
    type: "watch",
    session: 0,
    items: [item],
  });
  const bad = [
    undefined,
    null,
    "watch",
    {},
    { type: "unknown" },
    { type: "watch" },
    { type: "watch", session: 0, items: {} },
    { type: "watch", session: -1, items: [item] },
    { type: "watching", ids: [1] },
    { type: "watch", session: 0, items: [null] },
    { type: "watch", session: 0, items: [{ ...item, id: -1 }] },
    { type: "watch", session: 0, items: [{ ...item, id: "1" }] },
    { type: "watch", session: 0, items: [{ ...item, uid: 0.5 }] },
    { type: "watch", session: 0, items: [{ ...item, path: "a" }] },
    { type: "watch", session: 0, items: [{ ...item, path: "/".repeat(3_000) }] },
    { type: "watch", session: 0, items: many(item) },
    { type: "watching", session: 0, ids: [NaN] },
    { type: "watching", session: 0, ids: many(1) },
    { type: "gone", items: [{ id: 1, reason: "nodeDown" }] },
    { type: "gone", items: [{ id: 1 }] },
  ];
  for (const message of bad) assertEquals(parseWatchMessage(message), undefined);
});

Deno.test("notes of lost questions are for questions, and have a known reason", () => {
  const note = { question: "/_ask/7", uid: 7, target: "/a", reason: "stopped" };
  assertEquals(parseLostQuestion(note), note as never);
  const bad = [
    undefined,
    [],
    { ...note, question: "/a" },
    { ...note, question: 7 },
    { ...note, uid: -7 },
    { ...note, target: undefined },
    { ...note, target: "/".repeat(5_000) },
    { ...note, reason: "bored" },
    { ...note, reason: "toString" },
  ];
  for (const each of bad) assertEquals(parseLostQuestion(each), undefined);
});

Deno.test("rejections are counts by path, and bounded", () => {
  assertEquals(parseRejections([["/a", 3], ["/b", 1]]), [["/a", 3], ["/b", 1]]);
  const bad = [
    undefined,
    {},
    [null],
    [["/a"]],
    [["a", 1]],
    [["/a", 0]],
    [["/a", 1e9]],
    [["/a", 1.5]],
    many(["/a", 1]),
  ];
  for (const each of bad) assertEquals(parseRejections(each), undefined);
});
