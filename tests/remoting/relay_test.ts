import { assertEquals } from "@std/assert";
import { Relay, relayedPath, relayPath } from "../../lib/remoting/relay.ts";
import { ClientAddressRegistry } from "../../lib/transport/endpoint/client_address_registry.ts";
import type { ClientPeer, NodePeer, Peer } from "../../lib/transport/base/peer.ts";

const facts = { incarnation: 1, protocol: 1, remote: "", lane: "user", serializers: [] } as const;

function clientPeer(address: string): ClientPeer {
  return { role: "client", identity: { kind: "plain" }, address, nodeId: address, ...facts };
}

function nodePeer(address: string): NodePeer {
  return { role: "node", identity: { kind: "plain" }, address, nodeId: address, ...facts };
}

/** A relay, with what it has sent, delivered and told, in short. */
class Scene {
  readonly done: string[] = [];
  readonly relay: Relay;
  /** Called while an envelope is delivered. */
  onDeliver = (_peer: Peer) => {};
  readonly holders = new ClientAddressRegistry();
  constructor(self: string, connected: readonly string[] = [], members: readonly string[] = []) {
    this.relay = new Relay({
      self: () => self,
      maxRoutesPerIdentity: 1_000,
      send: (to, path, message) => {
        const { gone, closed } = message as { gone?: boolean; closed?: boolean };
        this.done.push(`send ${to}${path}${gone ? " gone" : ""}${closed ? " closed" : ""}`);
      },
      peerAt: (address) => connected.includes(address) ? clientPeer(address) : undefined,
      mayReach: (node) => members.includes(node),
      admits: (peer) => this.holders.admits(peer),
      deliver: (peer, envelope) => {
        this.onDeliver(peer);
        this.done.push(`deliver ${envelope.length} as ${peer.role} ${peer.address}`);
      },
      onRoute: ({ address }, exists) => this.done.push(`${exists ? "way" : "no way"} ${address}`),
      onClosed: (client) => this.done.push(`closed ${client}`),
    });
  }
  take(): string[] {
    return this.done.splice(0);
  }
}

const envelope = new Uint8Array(3);
Deno.test("a contact passes on how long the asker waits, if it can be right", () => {
  const sent: unknown[] = [];
  const delivered: unknown[] = [];
  const relay = new Relay({
    maxRoutesPerIdentity: 10,
    self: () => "a:1",
    send: (_to, _path, message) => void sent.push((message as { remaining?: unknown }).remaining),
    peerAt: (address) => clientPeer(address),
    mayReach: () => true,
    admits: () => true,
    deliver: (_peer, _envelope, remaining) => void delivered.push(remaining),
    onRoute: () => {},
    onClosed: () => {},
  });
  for (const remaining of [undefined, 250, -1, 2 ** 40, "250"]) {
    const wrapped = { envelope, ...(remaining !== undefined && { remaining }) };
    relay.forward(clientPeer("client:1"), { to: "b:1", ...wrapped });
    relay.forward(nodePeer("b:1"), { to: "client:1", ...wrapped });
    relay.receive(nodePeer("b:1"), { client, ...wrapped });
  }
  assertEquals(sent, [undefined, undefined, 250, 250, ...new Array(6).fill(undefined)]);
  assertEquals(delivered, [undefined, 250, undefined, undefined, undefined]);
  relay.send("client:1", envelope, 249.5);
  assertEquals(sent.pop(), 250);
});

const client = { address: "client:1", nodeId: "x", incarnation: 1, protocol: 1, serializers: [] };

Deno.test("a contact passes on what is for members, takes what is for itself, and nothing else", () => {
  const scene = new Scene("a:1", ["client:1", "client:2"], ["b:1"]);
  const peer = clientPeer("client:1");
  for (const to of ["b:1", "a:1", "stranger:1", "client:2"]) {
    scene.relay.forward(peer, { to, envelope });
  }
  assertEquals(scene.take(), [`send b:1${relayedPath}`, "deliver 3 as client client:1"]);
});

Deno.test("the node that is reached judges the message as the client's, and answers the same way", () => {
  const scene = new Scene("b:1");
  scene.relay.receive(nodePeer("a:1"), { client, envelope });
  assertEquals(scene.take(), ["way client:1", "deliver 3 as client client:1"]);
  assertEquals(scene.relay.peerOf("client:1")?.role, "client");
  assertEquals(scene.relay.isNeeded("client:1", "/x"), true);
  assertEquals(scene.relay.isNeeded("client:2", "/x"), false);
  assertEquals(scene.relay.send("client:1", envelope), true);
  assertEquals(scene.take(), [`send a:1${relayPath}`]);
});

Deno.test("the way changes with the contact, and an old contact's farewell does not end the new one", () => {
  const scene = new Scene("b:1");
  scene.relay.receive(nodePeer("a:1"), { client, envelope });
  scene.relay.receive(nodePeer("c:1"), { client, envelope });
  scene.take();
  scene.relay.receive(nodePeer("a:1"), { client: { address: "client:1" }, gone: true });
  assertEquals(scene.take(), []);
  scene.relay.receive(nodePeer("c:1"), { client: { address: "client:1" }, gone: true });
  assertEquals(scene.take(), ["no way client:1"]);
  assertEquals(scene.relay.send("client:1", envelope), false);
});

Deno.test("when a client has gone, the nodes that it has reached are notified; when a contact has, its routes end", () => {
  const contact = new Scene("a:1", ["client:1"], ["b:1"]);
  contact.relay.forward(clientPeer("client:1"), { to: "b:1", envelope });
  contact.take();
  contact.relay.onPeerDown(clientPeer("client:1"));
  assertEquals(contact.take(), [`send b:1${relayedPath} gone`]);
  const reached = new Scene("b:1");
  reached.relay.receive(nodePeer("a:1"), { client, envelope });
  reached.take();
  reached.relay.onPeerDown(nodePeer("a:1"));
  assertEquals(reached.take(), ["no way client:1"]);
});

Deno.test("a client that ends is reported to the nodes that it has reached, by its contact only", () => {
  const scene = new Scene("a:1", ["client:1"], ["b:1"]);
  scene.relay.forward(clientPeer("client:1"), { to: "b:1", envelope });
  scene.take();
  scene.relay.onClosed("client:1");
  assertEquals(scene.take(), [`send b:1${relayedPath} gone closed`]);
  scene.relay.onPeerDown(clientPeer("client:1"));
  assertEquals(scene.take(), []);
  const reached = new Scene("b:1");
  reached.relay.receive(nodePeer("a:1"), { client, envelope });
  reached.take();
  const message = { client: { address: "client:1" }, gone: true, closed: true };
  reached.relay.receive(nodePeer("c:1"), message);
  assertEquals(reached.take(), []);
  reached.relay.receive(nodePeer("a:1"), message);
  assertEquals(reached.take(), ["no way client:1", "closed client:1"]);
});

Deno.test("an answer for a client that is not here any more ends the way to it", () => {
  const scene = new Scene("a:1", [], ["b:1"]);
  scene.relay.forward(nodePeer("b:1"), { to: "client:1", envelope });
  assertEquals(scene.take(), [`send b:1${relayedPath} gone`]);
});

Deno.test("what is no relayed message changes nothing, and a client cannot pretend to be a node", () => {
  const scene = new Scene("b:1", ["client:1"], ["c:1"]);
  const peers: readonly Peer[] = [clientPeer("client:1"), nodePeer("a:1")];
  const rubbish: readonly unknown[] = [
    undefined,
    7,
    {},
    { to: 1, envelope },
    { to: "c:1", envelope: "text" },
    { client: { ...client, address: "c:1" }, envelope },
    { client: { ...client, incarnation: -1 }, envelope },
    { client: { ...client, serializers: Array(1_000).fill("x") }, envelope },
  ];
  for (const value of rubbish) {
    for (const peer of peers) scene.relay.receive(peer, value);
    scene.relay.forward(peers[0]!, value);
  }
  scene.relay.receive(peers[0]!, { client, envelope });
  assertEquals(scene.take(), []);
});

Deno.test("what was wrapped twice is unwrapped once: it does not go round", () => {
  const scene = new Scene("a:1", ["client:1"], ["b:1"]);
  scene.onDeliver = (peer) => {
    scene.relay.forward(peer, { to: "a:1", envelope });
    scene.relay.forward(peer, { to: "b:1", envelope });
    scene.relay.receive(peer, { client, envelope });
  };
  scene.relay.forward(clientPeer("client:1"), { to: "a:1", envelope });
  scene.relay.receive(nodePeer("b:1"), { client, envelope });
  assertEquals(scene.take(), [
    "deliver 3 as client client:1",
    "way client:1",
    "deliver 3 as client client:1",
  ]);
  scene.onDeliver = () => {};
  scene.relay.forward(clientPeer("client:1"), { to: "b:1", envelope });
  assertEquals(scene.take(), [`send b:1${relayedPath}`], "the next one is passed on");
});

Deno.test("an address is that of the certificate that has used it first, whichever contact it comes through", () => {
  const scene = new Scene("b:1");
  const alice = { ...client, holder: ["client", "alice"] };
  const mallory = { ...client, holder: ["client", "mallory"] };
  scene.relay.receive(nodePeer("a:1"), { client: alice, envelope });
  assertEquals(scene.take(), ["way client:1", "deliver 3 as client client:1"]);
  scene.relay.receive(nodePeer("c:1"), { client: mallory, envelope });
  scene.relay.receive(nodePeer("a:1"), { client: mallory, envelope });
  scene.relay.receive(nodePeer("c:1"), { client: { ...client, holder: "alice" }, envelope });
  assertEquals(scene.take(), []);
  scene.relay.receive(nodePeer("c:1"), { client: alice, envelope });
  assertEquals(scene.take(), ["way client:1", "deliver 3 as client client:1"]);
});

Deno.test("a contact says whose certificate its client has", () => {
  const sent: unknown[] = [];
  const relay = new Relay({
    self: () => "a:1",
    maxRoutesPerIdentity: 1_000,
    send: (_to, _path, message) => sent.push(message),
    peerAt: () => undefined,
    mayReach: () => true,
    admits: () => true,
    deliver: () => {},
    onRoute: () => {},
    onClosed: () => {},
  });
  const identity = {
    kind: "client",
    name: "alice",
    hosts: [],
    fingerprint: "",
    notAfter: 0,
  } as const;
  relay.forward({ ...clientPeer("client:1"), identity }, { to: "b:1", envelope });
  assertEquals((sent[0] as { client: { holder: unknown } }).client.holder, ["client", "alice"]);
});

Deno.test("a contact tells the URI of a client's certificate, to which its address belongs", () => {
  const scene = new Scene("b:1");
  const holder = ["client", "alice", "spiffe://prod/client/alice"];
  scene.relay.receive(nodePeer("a:1"), { client: { ...client, holder }, envelope });
  assertEquals(scene.take(), ["way client:1", "deliver 3 as client client:1"]);
  for (const other of [["client", "alice", "spiffe://dev/client/alice"], ["client", "alice"]]) {
    scene.relay.receive(nodePeer("c:1"), { client: { ...client, holder: other }, envelope });
  }
  for (const rubbish of [["client", "alice", 1], ["client", "alice", "x", "y"], ["client"]]) {
    scene.relay.receive(nodePeer("a:1"), { client: { ...client, holder: rubbish }, envelope });
  }
  assertEquals(scene.take(), []);
});

Deno.test("an admin is passed on as one, with the node that says so", () => {
  const scene = new Scene("b:1");
  const seen: unknown[] = [];
  scene.onDeliver = (peer) => void seen.push(peer.identity.kind, peer.via);
  const uri = "spiffe://shop/admin/alice";
  const holder = ["admin", "alice", uri];
  const address = `client:${uri}#1`;
  scene.relay.receive(nodePeer("a:1"), { client: { ...client, address, holder }, envelope });
  // Who takes requests of admins knows by the node that this one is not proved.
  assertEquals(seen, ["admin", "a:1"]);
});
