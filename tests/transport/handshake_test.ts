import { encode } from "@msgpack/msgpack";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PeerIdentity } from "../../lib/runtime/network.ts";
import {
  decodeHello,
  decodeRefusal,
  encodeHello,
  encodeRefusal,
  features,
  type Hello,
  isRefusal,
  judge,
  maxHandshakeFrame,
} from "../../lib/transport/connection/handshake.ts";

const self: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  systemName: "shop",
  role: "node",
  nodeId: "node-1",
  address: "a.example:25520",
  incarnation: 7,
  lane: "user",
  maxFrame: 1_048_576,
  window: 4_194_304,
  features: [],
};
const other: Hello = { ...self, nodeId: "node-2", address: "b.example:25520" };

const plain: PeerIdentity = { kind: "plain" };
const facts = { fingerprint: "00", notAfter: 0 };
const node = (...hosts: string[]): PeerIdentity => ({ kind: "node", name: "n", hosts, ...facts });
const client: PeerIdentity = { kind: "client", name: "c", hosts: [], ...facts };
const admin: PeerIdentity = { kind: "admin", name: "a", hosts: ["b.example"], ...facts };

const asClient = { role: "client", address: "client:abc" } as const;

const accepted: [string, Partial<Hello>, PeerIdentity][] = [
  ["a node without TLS", {}, plain],
  ["a node whose certificate names its host", {}, node("x", "b.example")],
  [
    "a node whose certificate has a wildcard for its host",
    {},
    node("*.b.example", "*.example.org"),
  ],
  ["a node at an IPv4 address", { address: "10.0.0.2:1" }, node("10.0.0.2")],
  ["a node at an IPv6 address", { address: "[2001:db8::2]:1" }, node("2001:0db8:0::2")],
  ["a client without TLS", asClient, plain],
  ["a client with a client's certificate", asClient, client],
  ["a client with a node's certificate", asClient, node("b.example")],
  ["a peer that speaks newer protocols too", { protocolMax: 9 }, plain],
];

for (const [who, said, identity] of accepted) {
  Deno.test(`handshake: ${who} is accepted`, () => {
    const wildcard = identity.kind === "node" && identity.hosts[0]!.startsWith("*");
    const address = wildcard ? { address: "x.b.example:25520" } : {};
    const peer = judge({ ...other, ...address, ...said }, self, identity, "192.0.2.1:5");
    assert(!isRefusal(peer));
    assertEquals(peer.role, said.role ?? "node");
    assertEquals(peer.protocol, 1);
    assertEquals(peer.identity, identity);
    assertEquals(peer.remote, "192.0.2.1:5");
  });
}

const refused: [string, Partial<Hello>, PeerIdentity, string, RegExp][] = [
  [
    "a newer protocol only",
    { protocolMin: 2, protocolMax: 3 },
    plain,
    "protocol",
    /2 to 3.*1 to 1/,
  ],
  ["an empty protocol range", { protocolMin: 3, protocolMax: 1 }, plain, "protocol", /3 to 1/],
  [
    "a foreign system",
    { systemName: "bank" },
    plain,
    "systemName",
    /to the system "bank", not to "shop"/,
  ],
  ["a node with a client's certificate", {}, client, "role", /is that of a client/],
  ["a node with an admin's certificate", {}, admin, "role", /is that of an admin/],
  ["a host beyond the certificate", {}, node("c.example"), "address", /b\.example.*c\.example/],
  [
    "a wildcard of another depth",
    { address: "x.y.b.example:1" },
    node("*.b.example"),
    "address",
    /./,
  ],
  [
    "an IP address under a DNS wildcard",
    { address: "10.0.0.2:1" },
    node("*.0.0.2"),
    "address",
    /./,
  ],
  ["a node that names itself as a client", { address: "client:x" }, plain, "address", /not the/],
  ["a client that names itself as a node", { role: "client" }, plain, "address", /not the/],
  ["our own address", { address: self.address }, plain, "self", /itself/],
];

for (const [what, said, identity, code, reason] of refused) {
  Deno.test(`handshake: ${what} is refused as ${code}`, () => {
    const refusal = judge({ ...other, ...said }, self, identity, "192.0.2.1:5");
    assert(isRefusal(refusal));
    assertEquals(refusal.code, code);
    assert(reason.test(refusal.reason), refusal.reason);
  });
}

Deno.test("handshake: a hello survives the wire, and unknown fields are ignored", () => {
  const read = decodeHello(encode({ magic: "casty", ...other, colour: ["red"], more: {} }));
  assertEquals(decodeHello(encodeHello(other))?.address, other.address);
  assertEquals(read?.systemName, "shop");
});

Deno.test("handshake: fields of a wrong type, too long or missing make no hello", () => {
  const wrong: Record<string, unknown[]> = {
    magic: ["pekko", 1],
    systemName: ["", 5, "x".repeat(256)],
    nodeId: ["", null, "x".repeat(256)],
    address: ["", [], "x".repeat(256)],
    role: ["leader", 1],
    lane: ["bulk", 0],
    incarnation: [0, -1, 1.5, NaN, "1"],
    protocolMin: [0, "1"],
    protocolMax: [0, {}],
    maxFrame: [0, 2 ** 60],
    window: [0, -5],
    features: ["x", [1], ["x".repeat(256)], new Array(101).fill("f")],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of [...values, undefined]) {
      const bytes = encode({ magic: "casty", ...other, [name]: value }, { ignoreUndefined: true });
      assertEquals(decodeHello(bytes), undefined, `${name}: ${JSON.stringify(value)}`);
    }
  }
});

Deno.test("handshake: any bytes are read or refused, never thrown at the reader", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    decodeHello(bytes);
    const { code, reason } = decodeRefusal(bytes);
    assert(typeof code === "string" && typeof reason === "string");
  }));
  const good = encodeHello(other);
  fc.assert(fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
    const mutated = good.slice();
    mutated[at] = byte;
    const read = decodeHello(mutated);
    assert(read === undefined || read.systemName.length <= 255);
  }));
});

Deno.test("handshake: a refusal keeps its code and at most 500 characters of its reason", () => {
  const long = decodeRefusal(encodeRefusal({ code: "role", reason: "é".repeat(900) }));
  assertEquals(long, { code: "role", reason: "é".repeat(500) });
  assertEquals(decodeRefusal(encode({ code: 5 })), { code: "unknown", reason: "unknown" });
});

Deno.test("handshake: a hello names serializers within bounds", () => {
  const read = (serializers: unknown) =>
    decodeHello(encode({ magic: "casty", ...self, serializers }));
  assertEquals(read(["money@1", "a/b.c_d-e@65535"])?.serializers?.length, 2);
  const wrong = ["money", "money@0", "@1", "a@1@2", "new\nline@1", "x".repeat(65) + "@1", "", 7];
  for (const name of wrong) assertEquals(read([name]), undefined, String(name));
  for (const list of ["money@1", {}, 7, null]) assertEquals(read(list), undefined);
  assertEquals(read(Array.from({ length: 65 }, (_, i) => `s${i}@1`)), undefined);
});

Deno.test("handshake: the largest hello fits its frame", () => {
  const text = "\uffee".repeat(255);
  const largest: Hello = {
    ...self,
    systemName: text,
    nodeId: text,
    address: "x".repeat(255),
    incarnation: Number.MAX_SAFE_INTEGER,
    maxFrame: Number.MAX_SAFE_INTEGER,
    window: Number.MAX_SAFE_INTEGER,
    features: Object.values(features),
    maxMessage: Number.MAX_SAFE_INTEGER,
    maxInternedPaths: Number.MAX_SAFE_INTEGER,
    serializers: Array.from({ length: 64 }, (_, i) => `${String(i).padEnd(64, "x")}@65535`),
  };
  const bytes = encodeHello(largest);
  assert(bytes.length < maxHandshakeFrame, `${bytes.length} bytes`);
  assertEquals(decodeHello(bytes)?.serializers?.length, 64);
});

Deno.test("handshake: a refusal does not repeat thousands of names of a certificate", () => {
  const hosts = Array.from({ length: 5_000 }, (_, i) => `${i}.${"x".repeat(200)}.example`);
  const judged = judge(other, self, node(...hosts), "x:1");
  assert(isRefusal(judged));
  assert(judged.reason.length < 1_000, `${judged.reason.length} characters`);
  assert(judged.reason.includes("and 4995 more"), judged.reason);
});

Deno.test("handshake: a refusal is worded for each end where one wording would be wrong for the other", () => {
  const told = (said: Partial<Hello>, identity: PeerIdentity = plain) => {
    const refusal = judge({ ...other, ...said }, self, identity, "192.0.2.1:5");
    assert(isRefusal(refusal));
    return [refusal.code, refusal.reason, refusal.told];
  };
  assertEquals(told({ systemName: "bank", ...asClient }), [
    "systemName",
    'it belongs to the system "bank", not to "shop"',
    'it belongs to the system "shop", and this client to "bank"; use one name, or the address of a ' +
    "node of that system",
  ]);
  assertEquals(told({ protocolMin: 2, protocolMax: 3 }), [
    "protocol",
    "it speaks protocol 2 to 3, and this node 1 to 1",
    "it speaks protocol 1 to 1, and this node 2 to 3; use versions of Casty that have one in common",
  ]);
  assertEquals(told({}, node("elsewhere")).slice(1), [
    "it claims the address b.example:25520, which its certificate does not cover (elsewhere)",
    "the certificate of this node does not cover its address b.example:25520 (elsewhere)",
  ]);
});

Deno.test("handshake: a refusal carries a token only if it has one, and a bounded one", () => {
  const refusal = { code: "self", reason: "a node does not connect to itself" };
  assertEquals(decodeRefusal(encodeRefusal(refusal)), refusal);
  const proved = { ...refusal, token: "00ff" };
  assertEquals(decodeRefusal(encodeRefusal(proved)), proved);
  const long = decodeRefusal(encodeRefusal({ ...refusal, token: "x".repeat(400) }));
  assertEquals(long.token?.length, 255);
  assertEquals(decodeRefusal(encode({ ...refusal, token: 7 })), refusal);
});
