import { assertEquals } from "@std/assert";
import { Gateway } from "../../lib/cluster/gateway/gateway.ts";
import {
  gatewayPath,
  parseTopology,
  type Topology,
  type TopologyPush,
} from "../../lib/cluster/gateway/topology.ts";
import type { Member } from "../../lib/membership/state/member.ts";
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
  members: readonly Partial<Member>[] = [];
  unreachable: readonly string[] = [];
  /** Of the latest update. */
  revision = 0;
  topology: Topology | undefined;
  /** Clients that have ended. */
  readonly ended: string[] = [];
  #take: PeerHandler = () => {};

  constructor() {
    const remoting = {
      endpoint: { peerAt: () => this.connected },
      handlePeers: (path: string, take: PeerHandler) => {
        assertEquals(path, gatewayPath);
        this.#take = take;
      },
      send: (to: string, _path: string, _uid: number, { topology, revision }: TopologyPush) => {
        this.sent.push(`${to} ${topology === undefined ? "nothing new" : topology.leader}`);
        this.revision = revision;
        this.topology = topology;
      },
      endClient: (address: string) => this.ended.push(address),
    } as unknown as Remoting;
    const view = () =>
      ({
        members: this.members,
        unreachable: new Set(this.unreachable),
        leader: this.leader,
      }) as unknown as MembershipView;
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

Deno.test("a topology has all members that are in the cluster, and says why some get no new work", () => {
  const scene = new Scene();
  const member = (address: string, status: Member["status"]) =>
    ({ address, nodeId: "", incarnation: 7, roles: [], status }) as const;
  scene.members = [
    member("up:1", "up"),
    member("weak:1", "weaklyUp"),
    member("joins:1", "joining"),
    member("leaves:1", "leaving"),
    member("exits:1", "exiting"),
    member("away:1", "up"),
    member("down:1", "down"),
  ];
  scene.unreachable = ["away:1"];
  scene.ask(subscribe);
  const { members, leaving, others } = scene.topology!;
  assertEquals(members.map(({ address }) => address), ["up:1", "weak:1"]);
  assertEquals(leaving, ["leaves:1", "exits:1"]);
  assertEquals(
    others.map(({ address, incarnation, state }) => `${address} ${incarnation} ${state}`),
    [
      "joins:1 7 joining",
      "leaves:1 7 leaving",
      "exits:1 7 leaving",
      "away:1 7 unreachable",
    ],
  );
  assertEquals(parseTopology(scene.topology), scene.topology);
  // An older node does not say it.
  const { others: _, ...older } = scene.topology!;
  assertEquals(parseTopology(older)!.others, []);
  assertEquals(parseTopology({ ...older, others: [{ address: "x:1" }] }), undefined);
});

Deno.test("a node knows when its subscribers use what it has sent", () => {
  const scene = new Scene();
  let confirmed = 0;
  const wait = () => scene.gateway.whenConfirmed(() => confirmed++);
  wait();
  assertEquals(confirmed, 1, "nobody has subscribed");
  scene.ask(subscribe);
  wait();
  assertEquals(confirmed, 1);
  scene.ask({ type: "confirm", have: scene.revision - 1 });
  scene.ask({ type: "confirm", have: scene.revision + 1 });
  assertEquals(confirmed, 1, "neither an old revision nor one that was never sent");
  scene.ask({ type: "confirm", have: scene.revision });
  assertEquals(confirmed, 2);
  wait();
  assertEquals(confirmed, 3);
  scene.leader = "b:1";
  wait();
  assertEquals(scene.sent.splice(0), ["client:1 b:1"], "what has changed is sent first");
  assertEquals(confirmed, 3);
  scene.gateway.onPeerDown("client:1");
  assertEquals(confirmed, 4);
  wait()();
});

Deno.test("a client says that it ends", () => {
  const scene = new Scene();
  scene.ask({ type: "close" });
  assertEquals(scene.ended, ["client:1"]);
});
