import { assert, assertEquals } from "@std/assert";
import { ClientSubscriptions, subscriptionTimeout } from "../../lib/topics/client_subscriptions.ts";
import { parseTopicAnswer, parseTopicRequest } from "../../lib/topics/client_protocol.ts";
import { TokenBuckets } from "../../lib/runtime/token_buckets.ts";
import { parsePublished } from "../../lib/topics/published_message.ts";
import { TopicContact } from "../../lib/topics/topic_contact.ts";

Deno.test("subscriptions that are not renewed end", () => {
  const clients = new ClientSubscriptions(10);
  clients.set({ client: "c1", account: "x", counter: 1 }, ["a", "b"], 0);
  clients.set({ client: "c2", account: "x", counter: 1 }, ["a"], 0);
  assert(clients.renew("c2", 1, 5_000));
  assert(!clients.renew("c2", 2, 5_000), "another list");
  assert(!clients.renew("c3", 1, 5_000), "not known");
  assertEquals(clients.expire(subscriptionTimeout), ["a", "b"]);
  assertEquals([...clients.clientsOf("a")], ["c2"]);
  assertEquals([...clients.clientsOf("b")], []);
  clients.expire(subscriptionTimeout + 5_000);
  assertEquals(clients.size, 0);
});

Deno.test("the clients of one certificate share a limit of subscriptions", () => {
  const clients = new ClientSubscriptions(3);
  const set = (client: string, account: string, ...topics: string[]) =>
    clients.set({ client, account, counter: 1 }, topics, 0);
  assertEquals(set("c1", "x", "a", "b", "b").refused, []);
  assertEquals(set("c2", "x", "a", "b"), { added: ["a"], removed: [], refused: ["b"] });
  assertEquals(set("c3", "y", "a", "b", "c", "d").refused, ["d"]);
  assertEquals(set("c1", "x", "b"), { added: [], removed: ["a"], refused: [] });
  assertEquals(set("c2", "x", "a", "b").refused, []);
  assertEquals(set("c1", "x"), { added: [], removed: ["b"], refused: [] });
  assertEquals(clients.size, 2);
});

Deno.test("a budget is a token bucket with room for one second", () => {
  const budget = new TokenBuckets(10);
  for (let count = 0; count < 10; count++) assert(budget.take("x", 0, 1));
  assert(!budget.take("x", 0, 1));
  assert(budget.take("y", 0, 1));
  assert(!budget.take("x", 99, 1));
  assert(budget.take("x", 200, 1));
  assert(budget.take("x", 10_000, 1_000), "a request that is larger takes a whole second");
  assert(!budget.take("x", 10_000, 1));
  budget.prune(10_500);
  assert(!budget.take("x", 10_500, 6));
});

Deno.test("a client follows its contact, renews, and asks again for what it may have missed", () => {
  const contact = new TopicContact();
  const sent = (effects: ReturnType<TopicContact["step"]>) =>
    effects.map(({ to, request }) => {
      const { type } = request;
      if (type !== "subscribe") return `${to} ${type}`;
      return `${to} ${request.topics.join("+") || "none"}${request.again ? " again" : ""}`;
    });
  assertEquals(sent(contact.step({ type: "topics", topics: ["x"] }, 0)), []);
  assertEquals(sent(contact.step({ type: "contact", node: "a" }, 0)), ["a x"]);
  assertEquals(sent(contact.step({ type: "contact", node: "a" }, 0)), []);
  assertEquals(sent(contact.step({ type: "tick" }, 2_999)), []);
  assertEquals(sent(contact.step({ type: "tick" }, 3_000)), ["a renew"]);
  contact.step({ type: "lost", node: "a" }, 4_000);
  assertEquals(sent(contact.step({ type: "tick" }, 6_000)), ["a x again"]);
  assertEquals(sent(contact.step({ type: "resend", node: "b" }, 6_000)), []);
  assertEquals(sent(contact.step({ type: "resend", node: "a" }, 6_000)), ["a x"]);
  assertEquals(sent(contact.step({ type: "contact", node: "b" }, 6_100)), ["b x", "a none"]);
  contact.step({ type: "refused", node: "b" }, 6_200);
  assertEquals(sent(contact.step({ type: "tick" }, 9_100)), ["b x"]);
  assertEquals(sent(contact.step({ type: "contact", node: undefined }, 9_200)), ["b none"]);
  assertEquals(sent(contact.step({ type: "tick" }, 20_000)), []);
});

Deno.test("what is no message of the protocol is refused", () => {
  const bad = [
    undefined,
    null,
    3,
    "x",
    [],
    {},
    { type: "publish", topic: "", number: 1 },
    {
      type: "publish",
      topic: "x".repeat(257),
      number: 1,
    },
    { type: "publish", topic: "x", number: 0 },
    { type: "renew", counter: 1.5 },
    {
      type: "subscribe",
      counter: 1,
      topics: [1],
      again: false,
    },
    { type: "subscribe", counter: 1, topics: ["x"] },
  ];
  for (const value of bad) assertEquals(parseTopicRequest(value), undefined);
  const answers = [undefined, {}, { type: "refused", topics: ["x"], reason: "because" }, {
    type: "unpublished",
    topic: "x",
    number: -1,
    reason: "tooMuch",
  }];
  for (const value of answers) assertEquals(parseTopicAnswer(value), undefined);
  const published = [undefined, {}, [], ["x", "p", 0, 0, 1], ["x", "p", 1, NaN, 1], [
    "x",
    "p".repeat(2_000),
    1,
    0,
    1,
  ], ["x", "p", 2 ** 53, 0, 1]];
  for (const value of published) assertEquals(parsePublished(value), undefined);
});
