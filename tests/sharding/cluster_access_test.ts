import { assert, assertEquals } from "@std/assert";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterAccess } from "../../lib/sharding/routing/cluster_access.ts";

/** Each name of the interface: the compiler refuses a name too few or too many. */
const names: Readonly<Record<keyof ClusterAccess, true>> = {
  address: true,
  ask: true,
  askOrUndefined: true,
  askStatus: true,
  drained: true,
  entity: true,
  entityAsk: true,
  entityRef: true,
  lookup: true,
  regionRef: true,
  sharding: true,
  singleton: true,
  spawn: true,
  stop: true,
  subscribe: true,
  workers: true,
  [Symbol.asyncDispose]: true,
};

/** What both have and the interface has not: its room is below theirs. */
const ofHigherRooms: Readonly<
  Record<keyof ClusteredActorSystem & keyof ClusterClient & ("distributed" | "topic"), string>
> = {
  distributed: "lib/distributed",
  topic: "lib/topics",
};

/** What only one of both has, and why. */
const ofNodes: Readonly<Record<string, string>> = {
  explain: "a client asks no node for its facts: `casty why` does, with a certificate of an admin",
  barrier: "nodes wait for each other",
  cluster: "a client has `topology`",
  eventStream: "of either, with its own events",
  extension: "clients have no extensions of users",
  leader: "a client has `topology`",
  members: "a client has `topology`",
  nodeId: "a client has no label",
  rejoin: "a client is no member",
  replication: "a client has no copies of shards",
  waitFor: "a client has `topology`",
  // What a client has at `client.system`.
  name: "client.system.name",
  onShutdown: "client.system.onShutdown",
  receptionist: "client.lookup, client.subscribe",
  runtime: "client.system.runtime",
  scheduler: "client.system.scheduler",
  tasks: "client.system.tasks",
  ledger: "client.system.ledger",
  shutdown: "client.close",
};
const ofClients: Readonly<Record<string, string>> = {
  broadcastRef: "a node spawns the broadcast actor",
  close: "system.shutdown",
  contact: "a node has no contacts",
  contacts: "a node has no contacts",
  eventStream: "of either, with its own events",
  state: "a node has system.cluster",
  system: "a node is one",
  topology: "a node has members, leader and receptionist",
};

// Both are checked against the interface by the compiler; this checks that nothing is forgotten in it.
const node: (system: ClusteredActorSystem) => ClusterAccess = (system) => system;
const client: (client: ClusterClient) => ClusterAccess = (client) => client;

Deno.test("a node and a client have the same surface, except what is listed with its reason", () => {
  assert(typeof node === "function" && typeof client === "function");
  const common = [...Reflect.ownKeys(names), ...Object.keys(ofHigherRooms)].map(String).sort();
  const surface = (type: { readonly prototype: object }, others: object) => {
    const found = new Set<string>();
    for (
      let proto = type.prototype;
      proto !== Object.prototype;
      proto = Object.getPrototypeOf(proto)
    ) {
      for (const key of Reflect.ownKeys(proto)) if (key !== "constructor") found.add(String(key));
    }
    return [...found].filter((name) => !Object.hasOwn(others, name)).sort();
  };
  assertEquals(surface(ClusteredActorSystem, ofNodes), common);
  assertEquals(surface(ClusterClient, ofClients), common);
});
