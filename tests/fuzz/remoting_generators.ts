import { Codec } from "../../lib/wire/codec.ts";
import { encodeEnvelope } from "../../lib/wire/envelope.ts";
import { atPath, type Generators } from "./at_path.ts";
import { type Draws, ForgedRef } from "./draws.ts";

const codec = new Codec({
  now: () => 0,
  resolve: ({ node, path, uid }) => new ForgedRef(node, path, uid),
});

function envelope(d: Draws): Uint8Array {
  if (d.chance(0.1)) return d.bytes(d.int(60));
  const made = encodeEnvelope(codec, d.path(), d.chance(0.9) ? 0 : d.int(99), d.value());
  return made.slice(0, d.chance(0.9) ? undefined : d.int(made.length));
}

const ids = (d: Draws) => d.list(6, () => d.count(d.int(9)));

const reasons = ["noSuchActor", "stopped", "mailboxFull", "expired", "shardMoved", "unauthorized"];

/** What the parts of a cluster say to each other besides membership and shards. */
export const services: Generators = {
  "Services/list": {
    path: "/_cluster/services",
    make: (d) => ({
      counter: d.like("counter"),
      want: d.chance(0.3),
      ...d.maybe("services", () =>
        d.list(3, () => ({
          key: d.chance(0.5) ? "counter-service" : d.text(),
          refs: d.list(
            3,
            () => new ForgedRef(d.chance(0.8) ? d.target.self : d.address(), d.path()),
          ),
        }))),
    }),
  },
  ...atPath("Services", "/_withdraw", { withdraw: () => ({}), withdrawn: () => ({}) }),
  "Client addresses/claims": {
    path: "/_cluster/clients",
    make: (d) => ({
      claims: d.list(4, () => [d.one(d.target.clients), d.text(), d.count(d.int(60_000))]),
      want: d.chance(0.3),
      last: d.chance(0.5),
    }),
  },
  ...atPath("Barriers", "/_cluster/barrier", {
    arrive: (d) => ({ name: d.text(), expected: d.count(d.int(4)), id: d.text() }),
    cancel: (d) => ({ name: d.text(), id: d.text() }),
    released: (d) => ({ ids: d.list(4, () => d.text()) }),
    refused: (d) => ({ id: d.text(), reason: d.text() }),
  }),
  ...atPath("Topology for clients", "/_gateway", {
    subscribe: (d) => ({ asked: d.address(), ...d.maybe("have", () => d.count(d.int(9))) }),
    unsubscribe: () => ({}),
    meet: () => ({}),
    confirm: (d) => ({ have: d.count(d.int(9)) }),
    close: () => ({}),
  }),
  "Topology for clients/push": {
    path: "/_topology",
    make: (d) => ({
      asked: d.address(),
      revision: d.count(d.int(9)),
      draining: d.chance(0.3),
      topology: {
        members: d.list(3, () => ({
          address: d.address(),
          nodeId: d.text(),
          incarnation: d.count(7),
          roles: [],
        })),
        leaving: d.list(2, () => d.address()),
        ...d.maybe("others", () =>
          d.list(2, () => ({
            address: d.address(),
            incarnation: d.count(7),
            state: d.one(["joining", "leaving", "unreachable"]),
          }))),
        leader: d.address(),
        services: d.list(2, () => ({ key: d.text(), refs: [d.ref()] })),
      },
    }),
  },
  ...atPath("Facts about nodes", "/_inspect", {
    factRequest: (d) => ({
      id: d.count(d.int(9)),
      topic: d.chance(0.8)
        ? d.one(["health", "shards", "entities", "place", "services", "clients", "certificates"])
        : d.text(),
      parameters: { type: d.text(), id: d.text(), search: d.text() },
    }),
    factAnswer: (d) => ({ id: d.count(d.int(9)), json: d.chance(0.5) ? "[1]" : d.text() }),
    noFacts: (d) => ({
      id: d.count(d.int(9)),
      missing: d.one(["busy", "failed", "tooLarge", "unknownTopic", "stopped"]),
      why: d.text(),
    }),
  }),
};

/** Of the bridge between actors and connections. */
export const remoting: Generators = {
  ...atPath("Death watch", "/_watch", {
    watch: (d) => ({
      session: d.like("session"),
      items: d.list(6, () => ({ id: d.count(d.int(50)), path: d.path(), uid: d.count() })),
    }),
    watching: (d) => ({ session: d.like("session"), ids: ids(d) }),
    gone: (d) => ({
      items: d.list(6, () => ({
        id: d.count(d.int(50)),
        reason: d.one(["stopped", "failed", "noSuchActor"]),
      })),
    }),
    forget: (d) => ({ ids: ids(d) }),
    forgotten: (d) => ({ ids: ids(d) }),
  }),
  "Lost asks and rejections/lost ask": {
    path: "/_askfailed",
    make: (d) => ({
      replyTo: `/_ask/${d.count(d.int(300))}`,
      uid: d.count(d.int(9)),
      target: d.path(),
      reason: d.one(reasons),
    }),
  },
  "Lost asks and rejections/aborted ask": {
    path: "/_askaborted",
    make: (d) => ({
      replyTo: `/_ask/${d.count(d.int(300))}`,
      uid: d.count(d.int(9)),
      ...(d.int(2) === 0 && { asker: d.address() }),
    }),
  },
  "Lost asks and rejections/reply": {
    path: (d) => `/_ask/${d.count(d.int(300))}`,
    make: (d) => d.value(),
  },
  "Lost asks and rejections/rejections": {
    path: "/_rejected",
    make: (d) => d.list(4, () => [d.path(), d.chance(0.9) ? 1 + d.int(20) : d.count(100_000)]),
  },
  "Relayed envelopes/relay": {
    path: "/_relay",
    make: (d) => ({
      to: d.chance(0.7) ? d.address() : d.one(d.target.clients),
      envelope: envelope(d),
    }),
  },
  "Relayed envelopes/of a client": {
    path: "/_relayed",
    make: (d) => ({
      client: {
        address: d.one(d.target.clients),
        nodeId: d.text(),
        incarnation: d.count(7),
        protocol: d.one([0, 1, 2]),
        serializers: d.list(2, () => "money@1"),
        ...d.maybe("holder", () => ["client", d.text(), `spiffe://sim/client/${d.text()}`]),
      },
      ...(d.chance(0.9) ? { envelope: envelope(d) } : { gone: true }),
    }),
  },
  "Relayed envelopes/of a node": {
    path: "/_relayed",
    make: (d) => ({ node: d.address(), serializers: [], envelope: envelope(d) }),
  },
};
