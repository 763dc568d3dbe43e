import { assert, assertEquals } from "@std/assert";
import { broadcastPath, parseBroadcastPath } from "../../lib/broadcast/broadcast_address.ts";
import { EarlyMessages, earlyTime } from "../../lib/broadcast/early_messages.ts";

Deno.test("early messages wait in order, within bounds of names, messages and time", () => {
  const early = new EarlyMessages<number>();
  for (let index = 0; index < 100; index++) early.keep("a", index, 0);
  assertEquals(early.take("a"), Array.from({ length: 64 }, (_, index) => index));
  assertEquals(early.take("a"), []);
  const kept = Array.from({ length: 100 }, (_, index) => early.keep(`name-${index}`, index, 0));
  assertEquals(kept.filter(Boolean).length, 64);
  // The time begins when the node is up.
  assertEquals(early.expire(1_000_000), []);
  early.onUp(1_000_000);
  early.onUp(2_000_000);
  assertEquals(early.expire(1_000_000 + earlyTime - 1), []);
  assert(early.keep("name-1", 7, 1_000_000 + earlyTime - 1));
  const late = early.expire(1_000_000 + earlyTime);
  assertEquals(late.length, 64);
  assertEquals(late[1], ["name-1", [1, 7]]);
  assert(!early.keep("a", 1, 1_000_000 + earlyTime));
});

Deno.test("the path of a reference says name and role, and no other text is one", () => {
  for (const role of [undefined, "back end", "a:b/c%"]) {
    for (const name of ["cache", "a/b:c", "Müller %"]) {
      assertEquals(parseBroadcastPath(broadcastPath({ name, role })), { name, role });
    }
  }
  const bad = [
    "/cache",
    "/_broadcast-",
    "/_broadcast-a:",
    "/_broadcast-a:b:c",
    "/_broadcast-%E0%A4%A",
  ];
  for (const path of [...bad, `/_broadcast-${"x".repeat(3_000)}`]) {
    assertEquals(parseBroadcastPath(path), undefined, path);
  }
});
