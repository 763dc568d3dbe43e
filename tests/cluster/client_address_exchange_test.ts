import { assert, assertEquals } from "@std/assert";
import { ClientAddressExchange } from "../../lib/cluster/node/client_address_exchange.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { clientAddress, namesOtherHolder } from "../../lib/transport/base/client_address.ts";
import type { Peer } from "../../lib/transport/base/peer.ts";
import { ClientAddressRegistry } from "../../lib/transport/endpoint/client_address_registry.ts";

const identity = (uri: string) =>
  ({ kind: "client", name: "x", uri, hosts: [], fingerprint: "", notAfter: 0 }) as const;
const [alice, mallory] = ["spiffe://shop/client/alice", "spiffe://shop/client/mallory"] as const;

function client(uri: string, address: string): Peer {
  const facts = { nodeId: "x", incarnation: 1, protocol: 1, remote: "h:1", lane: "user" } as const;
  return { role: "client", address, identity: identity(uri), ...facts };
}

/** Nodes that exchange claims at once, unless a pair is cut. */
class Nodes {
  readonly clock = new ManualClock();
  readonly all = new Map<
    string,
    { registry: ClientAddressRegistry; exchange: ClientAddressExchange }
  >();
  readonly cut = new Set<string>();
  readonly disconnected: string[] = [];
  #incarnation = 0;
  readonly #incarnations = new Map<string, number>();

  /** Starts a node, or starts it again. */
  start(name: string): ClientAddressRegistry {
    this.#incarnations.set(name, ++this.#incarnation);
    const registry = new ClientAddressRegistry(() => this.clock.now());
    const exchange = new ClientAddressExchange({
      registry,
      now: () => this.clock.now(),
      schedule: (delay, task) => this.clock.schedule(delay, task),
      send: (to, message) => {
        if (this.cut.has(name) || this.cut.has(to)) return;
        this.all.get(to)?.exchange.receive(name, structuredClone(message));
      },
      disconnect: (address) => void this.disconnected.push(`${name} ${address}`),
    });
    this.all.set(name, { registry, exchange });
    this.view();
    return registry;
  }

  /** All nodes see each other; those that are cut off are unreachable. */
  view(): void {
    for (const [name, { exchange }] of this.all) {
      const others = new Map([...this.#incarnations].filter(([other]) => other !== name));
      const away = this.cut.has(name) ? others.keys() : this.cut;
      exchange.onMembers(others, new Set(away), true);
    }
  }

  registry(name: string): ClientAddressRegistry {
    return this.all.get(name)!.registry;
  }
}

Deno.test("the address of a client names its certificate, and no other certificate may use it", () => {
  const address = clientAddress(identity(alice), "1f");
  assertEquals(address, "client:spiffe://shop/client/alice#1f");
  assert(!namesOtherHolder({ address, identity: identity(alice) }));
  for (const uri of [mallory, `${alice}2`, "spiffe://dev/client/alice", alice.slice(0, -1)]) {
    assert(namesOtherHolder({ address, identity: identity(uri) }), uri);
  }
  // Neither a name that looks like a URI, nor one with a separator.
  const { uri: _, ...named } = identity(alice);
  assert(namesOtherHolder({ address, identity: { ...named, name: alice } }));
  const tricky = clientAddress(identity(`${alice}#1f`), "2");
  assert(namesOtherHolder({ address: tricky, identity: identity(alice) }));
  assert(!namesOtherHolder({ address: tricky, identity: identity(`${alice}#1f`) }));
  assertEquals(clientAddress({ kind: "plain" }, "1f"), "client:1f");
});

Deno.test("an address that names its certificate needs no registry, on any node at any time", () => {
  const registry = new ClientAddressRegistry();
  registry.isComplete = () => false;
  const address = clientAddress(identity(alice), "1f");
  assert(!registry.isUndecided(client(alice, address)));
  assert(!registry.belongsToOther(client(alice, address)));
  assert(registry.belongsToOther(client(mallory, address)));
  assert(!registry.admits(client(mallory, address)));
  registry.remember(client(alice, address));
  assertEquals([...registry.claims()], []);
});

Deno.test("an address that was used at one node belongs to that certificate at all", async () => {
  const nodes = new Nodes();
  const [a] = [nodes.start("a"), nodes.start("b"), nodes.start("c")];
  a.remember(client(alice, "client:7"));
  await nodes.clock.advance(100);
  for (const name of ["a", "b", "c"]) {
    assert(nodes.registry(name).belongsToOther(client(mallory, "client:7")), name);
    assert(!nodes.registry(name).belongsToOther(client(alice, "client:7")), name);
  }
});

Deno.test("a node that starts again knows the addresses that were used before", async () => {
  const nodes = new Nodes();
  const a = nodes.start("a");
  nodes.start("b");
  a.remember(client(alice, "client:7"));
  await nodes.clock.advance(100);
  // One after the other, as in a rolling restart.
  for (const name of ["a", "b"]) {
    const registry = nodes.start(name);
    assert(!registry.isUndecided(client(mallory, "client:8")), "the others have answered");
    assert(registry.belongsToOther(client(mallory, "client:7")), name);
  }
});

Deno.test("a new member accepts no unclaimed address before the others have answered", async () => {
  const nodes = new Nodes();
  nodes.start("a").remember(client(alice, "client:7"));
  await nodes.clock.advance(100);
  nodes.cut.add("b");
  const b = nodes.start("b");
  nodes.all.get("b")!.exchange.onMembers(new Map([["a", 1]]), new Set(), true);
  assert(b.isUndecided(client(mallory, "client:7")));
  nodes.cut.clear();
  nodes.start("b");
  assert(nodes.registry("b").belongsToOther(client(mallory, "client:7")));
  // It does not wait for ever for one that does not answer.
  nodes.cut.add("c");
  nodes.start("c");
  const c = nodes.registry("c");
  nodes.all.get("c")!.exchange.onMembers(new Map([["a", 1]]), new Set(), true);
  await nodes.clock.advance(5_000);
  assert(!c.isUndecided(client(mallory, "client:9")));
});

Deno.test("of two claims for an address the older holds everywhere, after a partition too", async () => {
  const nodes = new Nodes();
  const [a, b] = [nodes.start("a"), nodes.start("b")];
  nodes.cut.add("b");
  nodes.view();
  a.remember(client(alice, "client:7"));
  await nodes.clock.advance(1_000);
  b.remember(client(mallory, "client:7"));
  await nodes.clock.advance(1_000);
  nodes.cut.clear();
  nodes.view();
  assertEquals(nodes.disconnected, ["b client:7"]);
  for (const registry of [a, b]) {
    assert(registry.belongsToOther(client(mallory, "client:7")));
    assert(!registry.belongsToOther(client(alice, "client:7")));
  }
});
