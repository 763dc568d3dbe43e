import { assertEquals } from "@std/assert";
import { parseLostAsk } from "../../lib/remoting/lost_asks.ts";
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

Deno.test("reports of lost asks name a reply reference and a known reason", () => {
  const report = { replyTo: "/_ask/7", uid: 7, target: "/a", reason: "stopped" };
  assertEquals(parseLostAsk(report), report as never);
  const bad = [
    undefined,
    [],
    { ...report, replyTo: "/a" },
    { ...report, replyTo: 7 },
    { ...report, uid: -7 },
    { ...report, target: undefined },
    { ...report, target: "/".repeat(5_000) },
    { ...report, reason: "bored" },
    { ...report, reason: "toString" },
  ];
  for (const each of bad) assertEquals(parseLostAsk(each), undefined);
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
  // The receiver handles each message of it.
  const tooMany = Array.from({ length: 64 }, (_, index) => [`/a${index}`, 10_000]);
  assertEquals(parseRejections(tooMany), undefined);
});
