import { assertEquals } from "@std/assert";
import { Gateway } from "../../lib/cluster/gateway/gateway.ts";
import { gatewayPath, type TopologyPush } from "../../lib/cluster/gateway/topology.ts";
import type { MembershipView } from "../../lib/membership/state/view.ts";
import type { PeerHandler, Remoting } from "../../lib/remoting/remoting.ts";
import type { Peer } from "../../lib/transport/base/peer.ts";

const client: Peer = {
  role: "client",
  address: "client:1",
  nodeId: "x",
  incarnation: 1,
  protocol: 1,
  remote: "",
  lane: "user",
  identity: { kind: "plain" },
};

/** A gateway with the updates that it has sent. */
class Scene {
  readonly sent: string[] = [];
  readonly gateway: Gateway;
  connected: Peer | undefined = client;
  now = 0;
  leader = "a:1";
  #take: PeerHandler = () => {};

  constructor() {
    const remoting = {
      endpoint: { peerAt: () => this.connected },
      handlePeers: (path: string, take: PeerHandler) => {
        assertEquals(path, gatewayPath);
        this.#take = take;
      },
      send: (to: string, _path: string, _uid: number, { topology }: TopologyPush) => {
        this.sent.push(`${to} ${topology === undefined ? "nothing new" : topology.leader}`);
      },
    } as unknown as Remoting;
    const view = () =>
      ({ members: [], unreachable: new Set(), leader: this.leader }) as unknown as MembershipView;
    this.gateway = new Gateway({ remoting, view, defer: (task) => task(), now: () => this.now });
  }

  ask(value: unknown): string[] {
    this.#take(client, value);
    return this.sent.splice(0);
  }
}

const subscribe = { type: "subscribe", asked: "a:1", have: 0 };

Deno.test("a client that keeps subscribing is not sent the whole topology each time", () => {
  const scene = new Scene();
  assertEquals(scene.ask(subscribe), ["client:1 a:1"]);
  for (let i = 0; i < 1_000; i++) {
    assertEquals(scene.ask(subscribe), []);
    assertEquals(scene.ask({ type: "unsubscribe" }), []);
  }
  scene.now = 200;
  assertEquals(scene.ask(subscribe), ["client:1 a:1"]);
  assertEquals(scene.ask({ ...subscribe, have: 2 }), ["client:1 nothing new"]);
  scene.leader = "b:1";
  scene.gateway.onChange();
  assertEquals(scene.sent.splice(0), ["client:1 b:1"], "changes are sent at once");
  scene.ask({ type: "unsubscribe" });
  scene.leader = "c:1";
  scene.gateway.onChange();
  assertEquals(scene.sent, []);
});

Deno.test("a relayed client cannot subscribe, since its disconnection would not be noticed", () => {
  const scene = new Scene();
  scene.connected = undefined;
  assertEquals(scene.ask(subscribe), []);
  scene.connected = { ...client };
  assertEquals(scene.ask(subscribe), []);
  scene.leader = "b:1";
  scene.gateway.onChange();
  assertEquals(scene.sent, []);
});

Deno.test("malformed requests change nothing", () => {
  const scene = new Scene();
  for (const value of [7, undefined, {}, { type: "x" }, { type: "subscribe", have: -1 }, []]) {
    assertEquals(scene.ask(value), []);
  }
});
