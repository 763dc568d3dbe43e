import { assertEquals } from "@std/assert";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { ServiceExchange } from "../../lib/cluster/node/service_exchange.ts";
import type { TopologyService } from "../../lib/cluster/gateway/topology.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import type { NodePeer } from "../../lib/transport/base/peer.ts";

class At extends Ref<never> {
  readonly uid = 1;
  readonly node: string;
  readonly path: string;

  constructor(node: string, path: string) {
    super();
    this.node = node;
    this.path = path;
  }
  override tell(): void {}
}

/** Nodes that exchange messages at once, unless they are lost. */
class Nodes {
  readonly #exchanges = new Map<string, ServiceExchange>();
  readonly #local = new Map<string, readonly TopologyService[]>();
  readonly incarnations = new Map<string, number>();
  lossy = false;
  /** Messages that were sent. */
  sent = 0;
  /** How what is sent arrives. */
  carry = (deliver: () => void): void => deliver();

  constructor(...names: readonly string[]) {
    for (const name of names) this.start(name);
  }
  start(name: string): void {
    this.incarnations.set(name, (this.incarnations.get(name) ?? 0) + 1);
    this.#local.set(name, []);
    this.#exchanges.set(
      name,
      new ServiceExchange({
        self: name,
        local: () => this.#local.get(name)!,
        send: (to, news) => {
          const from = { address: name, incarnation: this.incarnations.get(name) } as NodePeer;
          this.sent++;
          if (!this.lossy) this.carry(() => this.#exchanges.get(to)?.receive(from, news));
        },
        changed: () => {},
      }),
    );
  }
  at(name: string): ServiceExchange {
    return this.#exchanges.get(name)!;
  }
  offer(name: string, ...keys: readonly string[]): void {
    this.#local.set(name, keys.map((key) => ({ key, refs: [new At(name, `/${key}`)] })));
    this.at(name).onLocalChange();
  }
  /** These are the other members now, as `name` sees it. */
  join(name: string, ...others: readonly string[]): void {
    this.joinWith(name, others, []);
  }
  joinWith(
    name: string,
    others: readonly string[],
    unreachable: readonly string[],
    leaving: readonly string[] = [],
  ): void {
    const incarnations = others.map((other) => [other, this.incarnations.get(other)!] as const);
    this.at(name).onMembers(new Map(incarnations), new Set(unreachable), new Set(leaving));
  }
  /** The remote services that the receptionist of a node receives. */
  remote(name: string): string {
    return [...this.at(name).remote()].flatMap(([key, refs]) =>
      refs.map((ref: ActorRef<never>) => `${key}@${(ref as At).node}`)
    ).join(" ");
  }
  /** Keys and nodes that a node knows of. */
  seen(name: string): string {
    return this.at(name).services().flatMap(({ key, refs }) =>
      refs.map((ref: ActorRef<never>) => `${key}@${(ref as At).node}`)
    ).sort().join(" ");
  }
}

Deno.test("services are registered and withdrawn on all nodes", () => {
  const nodes = new Nodes("a", "b");
  nodes.offer("a", "x");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.offer("b", "x", "y");
  assertEquals(nodes.seen("a"), "x@a x@b y@b");
  assertEquals(nodes.seen("b"), "x@a x@b y@b");
  nodes.offer("b", "y");
  assertEquals(nodes.seen("a"), "x@a y@b");
});

Deno.test("the services of a removed node are removed", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.offer("b", "x");
  nodes.join("a");
  assertEquals(nodes.seen("a"), "");
});

Deno.test("a lost list is requested again", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.lossy = true;
  nodes.offer("a", "x");
  nodes.lossy = false;
  assertEquals(nodes.seen("b"), "");
  nodes.at("a").tick();
  assertEquals(nodes.seen("b"), "x@a");
});

Deno.test("a later incarnation counts from the start, and lists of an earlier one are ignored", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.offer("a", "x");
  nodes.offer("a", "y");
  nodes.start("a");
  nodes.join("a", "b");
  nodes.offer("a", "z");
  assertEquals(nodes.seen("b"), "z@a");
  nodes.at("b").receive({ address: "a", incarnation: 1 } as NodePeer, {
    counter: 9,
    want: false,
    services: [],
  });
  assertEquals(nodes.seen("b"), "z@a");
});

Deno.test("malformed service messages change nothing", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  const peer = { address: "b", incarnation: 1 } as NodePeer;
  for (
    const value of [undefined, null, 7, {}, { counter: -1, want: false }, {
      counter: 1,
      want: false,
      services: [{ key: "x", refs: ["no reference"] }],
    }]
  ) nodes.at("a").receive(peer, value);
  assertEquals(nodes.seen("a"), "");
});

Deno.test("an unreachable member is not listed, and its list is compared once it is reachable", () => {
  const nodes = new Nodes("a", "b", "c");
  for (const name of ["a", "b", "c"]) {
    nodes.join(
      name,
      ...["a", "b", "c"].filter((n) => n !== name),
    );
  }
  nodes.offer("c", "x");
  nodes.offer("b", "x");
  assertEquals(nodes.remote("a"), "x@b x@c");
  nodes.joinWith("a", ["b", "c"], ["b"]);
  assertEquals(nodes.remote("a"), "x@c");
  // Clients decide reachability themselves.
  assertEquals(nodes.seen("a"), "x@b x@c");
  nodes.lossy = true;
  nodes.offer("a", "y");
  nodes.lossy = false;
  assertEquals(nodes.remote("b"), "x@c");
  nodes.joinWith("a", ["b", "c"], []);
  assertEquals([nodes.remote("a"), nodes.remote("b")], ["x@b x@c", "y@a x@c"]);
});

Deno.test("a later incarnation without services inherits none, even if its first message is lost", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.offer("b", "x");
  nodes.lossy = true;
  nodes.start("b");
  nodes.join("b", "a");
  nodes.lossy = false;
  assertEquals(nodes.remote("a"), "x@b");
  nodes.at("b").tick();
  assertEquals(nodes.remote("a"), "");
  nodes.offer("b", "y");
  nodes.lossy = true;
  nodes.start("b");
  nodes.join("a", "b");
  assertEquals(nodes.remote("a"), "");
});

Deno.test("a list with references to other nodes is rejected", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  const news = { counter: 1, want: false, services: [{ key: "x", refs: [new At("c", "/x")] }] };
  nodes.at("a").receive({ address: "b", incarnation: 1 } as NodePeer, news);
  assertEquals(nodes.seen("a"), "");
});

Deno.test("lists converge under loss, duplication and reordering", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new SeededRandom(seed);
    const names = ["a", "b", "c", "d"];
    const nodes = new Nodes(...names);
    let under: (() => void)[] = [];
    nodes.carry = (deliver) => {
      const luck = random.next();
      if (luck > 0.3) under.push(deliver);
      if (luck > 0.7) under.push(deliver);
    };
    const arrive = (share: number) => {
      const all = under;
      under = [];
      for (const deliver of all.sort(() => random.next() - 0.5)) {
        if (random.next() < share) deliver();
        else under.push(deliver);
      }
    };
    const meet = () =>
      names.forEach((name) => nodes.join(name, ...names.filter((n) => n !== name)));
    const offered = new Map<string, string>();
    for (let step = 0; step < 40; step++) {
      const name = names[Math.floor(random.next() * names.length)]!;
      if (random.next() < 0.1) {
        nodes.start(name);
        offered.delete(name);
        meet();
      } else {
        const key = "xyz"[Math.floor(random.next() * 4)];
        nodes.offer(name, ...(key === undefined ? [] : [key]));
        if (key === undefined) offered.delete(name);
        else offered.set(name, key);
      }
      meet();
      arrive(0.5);
    }
    // What is still under way arrives late; from now on nothing is lost.
    arrive(1);
    nodes.carry = (deliver) => deliver();
    for (const name of names) nodes.at(name).tick();
    const expected = [...offered].map(([name, key]) => `${key}@${name}`).sort().join(" ");
    assertEquals(names.map((name) => nodes.seen(name)), names.map(() => expected), `seed ${seed}`);
    nodes.sent = 0;
    for (const name of names) nodes.at(name).tick();
    // All lists are equal: no list is requested.
    assertEquals(nodes.sent, 12);
  }
});

Deno.test("the lower address sends its list first, and a node that dropped a list requests it", () => {
  const nodes = new Nodes("a", "b");
  const under: (() => void)[] = [];
  nodes.carry = (deliver) => void under.push(deliver);
  const arrive = () => under.splice(0).forEach((deliver) => deliver());
  nodes.offer("a", "x");
  nodes.offer("b", "y");
  nodes.join("b", "a");
  assertEquals(under.length, 0);
  nodes.join("a", "b");
  assertEquals(under.length, 1);
  while (under.length > 0) arrive();
  assertEquals([nodes.remote("a"), nodes.remote("b")], ["y@b", "x@a"]);
  nodes.start("a");
  nodes.join("b");
  nodes.offer("a", "z");
  nodes.join("a", "b");
  while (under.length > 0) arrive();
  assertEquals([nodes.remote("a"), nodes.remote("b")], ["y@b", ""]);
  nodes.join("b", "a");
  while (under.length > 0) arrive();
  assertEquals(nodes.remote("b"), "z@a");
});

Deno.test("services of a member that leaves are not listed, while clients still hear of them", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.offer("b", "x");
  assertEquals(nodes.remote("a"), "x@b");
  nodes.joinWith("a", ["b"], [], ["b"]);
  assertEquals(nodes.remote("a"), "");
  // Clients know from the topology which members leave.
  assertEquals(nodes.seen("a"), "x@b");
  nodes.joinWith("a", ["b"], []);
  assertEquals(nodes.remote("a"), "x@b");
});

Deno.test("a member that withdraws offers nothing until its next incarnation", () => {
  const nodes = new Nodes("a", "b");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.offer("b", "x");
  const peer = (incarnation: number) => ({ address: "b", incarnation });
  assertEquals(nodes.at("a").withdraw({ address: "other", incarnation: 1 }), false);
  assertEquals(nodes.at("a").withdraw(peer(1)), true);
  assertEquals([nodes.remote("a"), nodes.seen("a")], ["", ""]);
  // A list that was sent before may arrive later, and an actor may be registered too late.
  nodes.offer("b", "x", "y");
  nodes.at("b").tick();
  assertEquals(nodes.seen("a"), "");
  nodes.start("b");
  nodes.join("a", "b");
  nodes.join("b", "a");
  nodes.offer("b", "x");
  assertEquals(nodes.remote("a"), "x@b");
  // What the earlier incarnation has said does not concern the later one.
  assertEquals(nodes.at("a").withdraw(peer(1)), true);
  assertEquals(nodes.remote("a"), "x@b");
});
