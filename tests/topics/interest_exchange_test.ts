import { assertEquals } from "@std/assert";
import { type InterestEffect, InterestExchange } from "../../lib/topics/interest_exchange.ts";
import {
  type InterestMessage,
  maxTopicsPerNode,
  parseInterest,
} from "../../lib/topics/interest_protocol.ts";

/** Two nodes whose messages arrive when the test says. */
class Pair {
  readonly a = new InterestExchange();
  readonly b = new InterestExchange();
  readonly incarnations = { "a:1": 1, "b:1": 1 };
  /** Messages on their way. */
  readonly queue: { from: "a:1" | "b:1"; message: InterestMessage }[] = [];
  /** What was opened, as `node topic`. */
  readonly opened: string[] = [];
  /** Topics of which the nodes retain different numbers of messages, with who has noticed it. */
  readonly differing: string[] = [];

  constructor() {
    this.meet();
  }

  meet(unreachable: readonly string[] = []): void {
    const members = (node: "a:1" | "b:1") => new Map([[node, this.incarnations[node]]]);
    const event = { type: "members", unreachable: new Set(unreachable) } as const;
    this.does("a:1", this.a.step({ ...event, members: members("b:1") }));
    this.does("b:1", this.b.step({ ...event, members: members("a:1") }));
  }

  does(from: "a:1" | "b:1", effects: readonly InterestEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") this.queue.push({ from, message: effect.message });
      else if (effect.type === "differs") {
        const option = effect.option === "retain" ? "" : ` ${effect.option}`;
        this.differing.push(
          `${from}: ${effect.node} ${effect.topic}${option} ${effect.here} ${effect.there}`,
        );
      } else this.opened.push(...effect.topics.map((topic) => `${effect.node} ${topic}`));
    }
  }

  /** Delivers everything; the messages for which `isLost` says so are lost. */
  deliver(isLost: (message: InterestMessage) => boolean = () => false): void {
    for (let sent; (sent = this.queue.shift()) !== undefined;) {
      const { from: address, message } = sent;
      if (isLost(message)) continue;
      const to = address === "a:1" ? "b:1" : "a:1";
      const from = { address, incarnation: this.incarnations[address] };
      this.does(to, (to === "a:1" ? this.a : this.b).step({ type: "message", from, message }));
    }
  }

  change(type: "open" | "close", ...topics: readonly string[]): void {
    for (const topic of topics) this.a.step({ type, topic, retain: 0 });
    this.does("a:1", this.a.step({ type: "flush" }));
  }

  tick(): void {
    this.does("a:1", this.a.step({ type: "tick" }));
    this.does("b:1", this.b.step({ type: "tick" }));
  }

  /** Which of some topics the second node sends to the first. */
  get known(): string[] {
    return ["x", "y", "z"].filter((topic) => this.b.nodesOf(topic).has("a:1"));
  }
}

Deno.test("a node that opens a topic later with another retain is noticed, once", () => {
  const pair = new Pair();
  pair.change("open", "x", "y");
  pair.deliver();
  for (const [topic, retain] of [["x", 5], ["y", 0]] as const) {
    pair.b.step({ type: "open", topic, retain });
  }
  pair.does("b:1", pair.b.step({ type: "flush" }));
  pair.deliver();
  assertEquals(pair.differing, ["a:1: b:1 x 0 5"]);
  // The whole list, after a restart.
  pair.incarnations["b:1"] = 2;
  pair.meet();
  pair.deliver();
  assertEquals(pair.differing.length, 1);
});

Deno.test("options differ in whatever order topics are opened, with subscribers at any node", () => {
  const pair = new Pair();
  pair.a.step({ type: "open", topic: "x", retain: 7, clients: false });
  pair.a.step({ type: "open", topic: "y", retain: 0, clients: true });
  pair.does("a:1", pair.a.step({ type: "flush" }));
  pair.deliver();
  // Without subscribers it announces neither, and has both open.
  for (const topic of ["x", "y", "z"]) {
    pair.does("b:1", pair.b.step({ type: "options", topic, retain: 0, clients: false }));
  }
  assertEquals(pair.differing, ["b:1: a:1 x 0 7", "b:1: a:1 y clients false true"]);
  assertEquals(pair.b.differencesOf("x"), ["retain: 0 here, 7 at a:1"]);
  pair.b.step({ type: "open", topic: "x", retain: 0, clients: false });
  pair.does("b:1", pair.b.step({ type: "flush" }));
  pair.deliver();
  assertEquals(pair.differing.slice(2), ["a:1: b:1 x 7 0"]);
});

Deno.test("a policy that is given later is announced, and its topic is not opened again", () => {
  const pair = new Pair();
  for (const node of [pair.a, pair.b]) node.step({ type: "open", topic: "x", retain: 1 });
  pair.does("a:1", pair.a.step({ type: "flush" }));
  pair.does("b:1", pair.b.step({ type: "flush" }));
  pair.deliver();
  const opened = pair.opened.length;
  for (let count = 0; count < 10; count++) {
    for (const clients of [true, false]) {
      pair.does("b:1", pair.b.step({ type: "options", topic: "x", retain: 1, clients }));
      pair.does("b:1", pair.b.step({ type: "flush" }));
      pair.deliver();
      assertEquals(pair.a.nodesOf("x").size, 1);
      assertEquals(pair.a.differencesOf("x").length, clients ? 1 : 0);
    }
  }
  // Each node says it once.
  assertEquals(pair.differing.length, 2);
  assertEquals(pair.opened.length, opened);
});

Deno.test("a node that says nothing of options agrees with all", () => {
  const { a } = new Pair();
  a.step({ type: "open", topic: "x", retain: 1, clients: true });
  const message = { type: "topics", counter: 1, since: 0, added: ["x"], removed: [] } as const;
  const from = { address: "b:1", incarnation: 1 };
  assertEquals(a.step({ type: "message", from, message }).map(({ type }) => type), ["opened"]);
  assertEquals(a.differencesOf("x"), []);
});

Deno.test("numbers that are retained are checked", () => {
  const message = { type: "topics", counter: 1, since: 0, added: ["x"], removed: [] } as const;
  assertEquals(parseInterest({ ...message, retain: [3] }), { ...message, retain: [3] });
  for (const retain of [[], [1, 2], [-1], ["1"], 1]) {
    assertEquals(parseInterest({ ...message, retain }), undefined);
  }
  assertEquals(parseInterest({ ...message, clients: [true] }), { ...message, clients: [true] });
  for (const clients of [[], [true, false], [1], true]) {
    assertEquals(parseInterest({ ...message, clients }), undefined);
  }
});

Deno.test("changes reach the other node, and only new topics are opened", () => {
  const pair = new Pair();
  pair.change("open", "x", "y");
  pair.deliver();
  pair.change("close", "x");
  pair.change("open", "z");
  pair.deliver();
  assertEquals(pair.known, ["y", "z"]);
  assertEquals(pair.opened, ["a:1 x", "a:1 y", "a:1 z"]);
  // What is opened and closed between two announcements is not announced.
  pair.a.step({ type: "open", topic: "x", retain: 0 });
  pair.a.step({ type: "close", topic: "x" });
  pair.does("a:1", pair.a.step({ type: "flush" }));
  assertEquals(pair.queue, []);
});

Deno.test("a lost announcement is requested with the next, or with the next tick", () => {
  const pair = new Pair();
  pair.change("open", "x");
  pair.deliver(({ type }) => type === "topics");
  pair.change("open", "y");
  pair.deliver();
  assertEquals(pair.known, ["x", "y"]);
  pair.change("open", "z");
  pair.deliver(({ type }) => type === "topics");
  assertEquals(pair.known, ["x", "y"]);
  pair.tick();
  pair.deliver();
  assertEquals(pair.known, ["x", "y", "z"]);
});

Deno.test("nothing is repeated while nothing changes", () => {
  const pair = new Pair();
  pair.change("open", "x");
  pair.deliver();
  pair.tick();
  const sent: string[] = [];
  pair.deliver(({ type }) => (sent.push(type), false));
  // The other node has never had a topic.
  assertEquals(sent, ["sync"]);
  const idle = new Pair();
  idle.tick();
  assertEquals(idle.queue, []);
});

Deno.test("messages that come twice or late change nothing", () => {
  const pair = new Pair();
  pair.change("open", "x");
  const [first] = pair.queue.splice(0).filter(({ message }) => message.type === "topics");
  pair.change("close", "x");
  const [second] = pair.queue.splice(0);
  pair.queue.push(first!, second!, first!, second!, first!);
  pair.deliver();
  assertEquals(pair.known, []);
});

Deno.test("the topics of a node end with it, and with its incarnation", () => {
  const pair = new Pair();
  pair.change("open", "x", "y");
  pair.deliver();
  assertEquals(pair.known, ["x", "y"]);
  pair.does(
    "b:1",
    pair.b.step({ type: "members", members: new Map(), unreachable: new Set() }),
  );
  assertEquals(pair.known, []);
  // A new process at the same address has other topics, and counts them anew.
  const restarted = new Pair();
  restarted.change("open", "x");
  restarted.deliver();
  restarted.incarnations["a:1"] = 2;
  restarted.does(
    "b:1",
    restarted.b.step({
      type: "members",
      members: new Map([["a:1", 2]]),
      unreachable: new Set(),
    }),
  );
  assertEquals(restarted.known, []);
  const message = { type: "topics", counter: 1, since: 0, added: ["z"], removed: [] } as const;
  restarted.queue.length = 0;
  restarted.queue.push({ from: "a:1", message });
  restarted.deliver();
  assertEquals(restarted.known, ["z"]);
});

Deno.test("a node that was not reachable is sent what it may have missed", () => {
  const pair = new Pair();
  pair.change("open", "x");
  pair.deliver();
  pair.opened.length = 0;
  pair.meet(["a:1", "b:1"]);
  assertEquals(pair.opened, []);
  pair.meet();
  assertEquals(pair.opened, ["a:1 x"]);
});

Deno.test("a member that sends too many topics, or something else, costs a bounded amount", () => {
  const pair = new Pair();
  const from = { address: "a:1", incarnation: 1 };
  const many = Array.from({ length: maxTopicsPerNode }, (_, index) => `topic-${index}`);
  pair.b.step({
    type: "message",
    from,
    message: { type: "topics", counter: 1, since: 0, added: many, removed: [] },
  });
  pair.b.step({
    type: "message",
    from,
    message: { type: "topics", counter: 2, since: 1, added: ["x"], removed: [] },
  });
  assertEquals(pair.known, []);
  assertEquals(pair.b.announcedTopics, maxTopicsPerNode);
  const bad = [undefined, null, 1, [], { type: "topics" }, { type: "sync", counter: -1, have: 0 }, {
    type: "topics",
    counter: 3,
    since: 2,
    added: [1],
    removed: [],
  }, { type: "topics", counter: 3, since: 2, added: [...many, "y"], removed: [] }];
  for (const message of bad) assertEquals(pair.b.step({ type: "message", from, message }), []);
});
