import { assertEquals } from "@std/assert";
import { ClientTakers, maxClientsOfTaker, takerMemory } from "../../lib/topics/client_takers.ts";
import type { PublishedMessage } from "../../lib/topics/published_message.ts";
import { RetainedBytes } from "../../lib/topics/retained_bytes.ts";
import { TopicLog } from "../../lib/topics/topic_log.ts";

const client = "client:shop#1";
const by = (node: string, number: number, of = client): PublishedMessage => ({
  topic: "orders",
  publisher: `${of}|${node}`,
  number,
  at: 0,
  message: number,
});
const from = (via: string, isRetained = false) => ({ via, isRetained });
const logOf = (retain = 0) =>
  new TopicLog(
    retain,
    new RetainedBytes({ maxBytes: 1e6, maxBytesPerTopic: 1e6, maxBytesPerIdentity: 1e6 }),
  );

Deno.test("what the node before sends late is dropped when a client has changed its node", () => {
  const log = logOf();
  assertEquals(log.accept(by("x:1@1", 1), from("x:1#1"), 0), true);
  assertEquals(log.accept(by("y:1@1", 3), from("y:1#1"), 50), true);
  assertEquals(log.accept(by("x:1@1", 2), from("x:1#1"), 60), false);
});

Deno.test("a member drops messages of a client of another one for 10 s, whatever it claims", () => {
  const log = logOf(10);
  let number = 0;
  const lies: readonly ((at: number) => void)[] = [
    // The same again, and another incarnation each time.
    (at) => log.accept(by("liar:1@1", 1e9 + at), from("liar:1#1"), at),
    (at) => log.accept(by(`liar:1@${at}`, 1e9 + at), from("liar:1#1"), at),
    // Copies of messages of nodes that have gone, or that have never been.
    (at) => log.accept(by(`gone-${at}:1@1`, 1e9 + at), from("liar:1#1", true), at),
    // So many other clients that this one might be forgotten.
    (at) => {
      for (let other = 0; other < 10; other++) {
        log.accept(by("liar:1@1", 1e9 + at, `client:${at}#${other}`), from("liar:1#1"), at);
      }
    },
  ];
  const dropped: number[] = [];
  for (let at = 0; at < takerMemory; at += 500) {
    for (const lie of lies) lie(at);
    if (!log.accept(by("x:1@1", ++number), from("x:1#1"), at)) dropped.push(at);
  }
  assertEquals(dropped.length, 20);
  assertEquals(dropped.at(-1), 9_500);
});

Deno.test("clients of one node are remembered up to a bound, and no longer than needed", () => {
  const takers = new ClientTakers();
  const nobody = () => 0;
  const take = (index: number, now: number) =>
    takers.take({ client: `c${index}`, publisher: `c${index}|n:1@1` }, now);
  const blocks = (index: number, now: number) =>
    takers.isBehind({ client: `c${index}`, publisher: `c${index}|m:1@1`, number: 1 }, now, () => 5);
  for (let index = 0; index <= maxClientsOfTaker; index++) take(index, 0);
  assertEquals([blocks(maxClientsOfTaker - 1, 1), blocks(maxClientsOfTaker, 1)], [true, false]);
  take(5_000, takerMemory);
  assertEquals([blocks(5_000, takerMemory), blocks(1, takerMemory)], [true, false]);
  const own = { client: "c1", publisher: "c1|m:1@1", number: 1 };
  assertEquals(takers.isBehind(own, takerMemory, nobody), false);
});
