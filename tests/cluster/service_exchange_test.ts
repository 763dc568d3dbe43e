import { assertEquals } from "@std/assert";
import { type ActorRef, Ref } from "../../lib/actor/ref.ts";
import { ServiceExchange } from "../../lib/cluster/service_exchange.ts";
import type { TopologyService } from "../../lib/cluster/topology.ts";
import type { NodePeer } from "../../lib/transport/peer.ts";

class At extends Ref<never> {
  readonly uid = 1;
  constructor(readonly node: string, readonly path: string) {
    super();
  }
  override tell(): void {}
}

/** Nodes that hear each other at once, unless what is sent is lost. */
class Nodes {
  readonly #exchanges = new Map<string, ServiceExchange>();
  readonly #local = new Map<string, readonly TopologyService[]>();
  readonly incarnations = new Map<string, number>();
  lossy = false;

  constructor(...names: readonly string[]) {
    for (const name of names) this.start(name);
  }
  start(name: string): void {
    this.incarnations.set(name, (this.incarnations.get(name) ?? 0) + 1);
    this.#local.set(name, []);
    this.#exchanges.set(
      name,
      new ServiceExchange({
        local: () => this.#local.get(name)!,
        send: (to, news) => {
          const from = { address: name, incarnation: this.incarnations.get(name) } as NodePeer;
          if (!this.lossy) this.#exchanges.get(to)?.receive(from, news);
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
  /** Keys and nodes that a node knows of. */
  seen(name: string): string {
    return this.at(name).services().flatMap(({ key, refs }) =>
      refs.map((ref: ActorRef<never>) => `${key}@${(ref as At).node}`)
    ).sort().join(" ");
  }
}

Deno.test("what is offered is known everywhere, and withdrawn everywhere", () => {
  const nodes = new Nodes("a", "b");
  nodes.offer("a", "x");
  nodes.at("a").onMembers(new Set(["b"]));
  nodes.at("b").onMembers(new Set(["a"]));
  nodes.offer("b", "x", "y");
  assertEquals(nodes.seen("a"), "x@a x@b y@b");
  assertEquals(nodes.seen("b"), "x@a x@b y@b");
  nodes.offer("b", "y");
  assertEquals(nodes.seen("a"), "x@a y@b");
});

Deno.test("what a lost node has offered goes with it", () => {
  const nodes = new Nodes("a", "b");
  nodes.at("a").onMembers(new Set(["b"]));
  nodes.at("b").onMembers(new Set(["a"]));
  nodes.offer("b", "x");
  nodes.at("a").onMembers(new Set());
  assertEquals(nodes.seen("a"), "");
});

Deno.test("a list that was lost on the way is asked for", () => {
  const nodes = new Nodes("a", "b");
  nodes.at("a").onMembers(new Set(["b"]));
  nodes.at("b").onMembers(new Set(["a"]));
  nodes.lossy = true;
  nodes.offer("a", "x");
  nodes.lossy = false;
  assertEquals(nodes.seen("b"), "");
  nodes.at("a").tick();
  assertEquals(nodes.seen("b"), "x@a");
});

Deno.test("a later life of a node counts from the beginning, an earlier one is not heard", () => {
  const nodes = new Nodes("a", "b");
  nodes.at("a").onMembers(new Set(["b"]));
  nodes.at("b").onMembers(new Set(["a"]));
  nodes.offer("a", "x");
  nodes.offer("a", "y");
  nodes.start("a");
  nodes.at("a").onMembers(new Set(["b"]));
  nodes.offer("a", "z");
  assertEquals(nodes.seen("b"), "z@a");
  nodes.at("b").receive({ address: "a", incarnation: 1 } as NodePeer, {
    counter: 9,
    want: false,
    services: [],
  });
  assertEquals(nodes.seen("b"), "z@a");
});

Deno.test("what is no news of services changes nothing", () => {
  const nodes = new Nodes("a", "b");
  nodes.at("a").onMembers(new Set(["b"]));
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
