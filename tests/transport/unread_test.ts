import { assert, assertEquals } from "@std/assert";
import { World } from "./endpoints.ts";

/** What is under way from `a` to `b` when the connection ends: what `a` is told, and `b` has read. */
async function underWay(
  seed: number,
  end: (b: Awaited<ReturnType<World["start"]>>, world: World) => void,
): Promise<{ sent: string[]; read: string[]; unread: string[]; unknown: string[] }> {
  await using world = new World(seed, { min: 5, max: 20 });
  const b = await world.start("b", { limits: { window: 200 } });
  const unread: string[] = [];
  const unknown: string[] = [];
  const a = await world.start("a", {
    onDropped: (_to, _lane, payload, reason, isUnread) => {
      assertEquals(reason, "disconnected");
      (isUnread ? unread : unknown).push(new TextDecoder().decode(payload));
    },
  });
  a.send("b:25520", "m0");
  await world.clock.runUntil(() => b.heard.length === 1);
  const sent = ["m0"];
  for (let i = 1; i <= 60; i++) {
    sent.push(`m${i}`);
    a.send("b:25520", `m${i}`);
    if (i === 40) end(b, world);
    await world.clock.advance(1);
    if (unread.length + unknown.length > 0) break;
  }
  await world.clock.advance(3_000);
  return { sent, read: b.texts, unread, unknown };
}

Deno.test("unread: an orderly close names all messages that were not read, in order", async () => {
  let count = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const { sent, read, unread, unknown } = await underWay(seed, ({ endpoint }) => {
      endpoint.disconnect("a:25520", "says goodbye");
    });
    assertEquals(unknown, []);
    assertEquals([...read, ...unread], sent, `seed ${seed}`);
    count += unread.length;
  }
  assert(count > 0);
});

Deno.test("unread: after a reset, only what was never written is known to be unread", async () => {
  let count = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const { sent, read, unread, unknown } = await underWay(seed, (_b, { network }) => {
      network.reset("a", "b");
    });
    assertEquals(unread.filter((text) => read.includes(text)), []);
    const known = new Set([...read, ...unread, ...unknown]);
    assertEquals(sent.filter((text) => !known.has(text)), [], `seed ${seed}`);
    count += unknown.length;
  }
  assert(count > 0);
});
