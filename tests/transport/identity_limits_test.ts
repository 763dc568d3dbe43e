import { assert, assertEquals } from "@std/assert";
import type { PeerIdentity } from "../../lib/runtime/network.ts";
import { decodeHello, encodeHello, features } from "../../lib/transport/connection/handshake.ts";
import { maxNumberingConnections } from "../../lib/transport/endpoint/identity_accounts.ts";
import { FrameType, HEADER_BYTES } from "../../lib/wire/frame.ts";
import type { TransportLimits } from "../../lib/transport/base/limits.ts";
import { type Station, World } from "./endpoints.ts";
import { hostileFrames, hostileHello } from "./hostile_frames.ts";

const facts = { hosts: [], fingerprint: "", notAfter: 0 };
const mallory: PeerIdentity = {
  kind: "client",
  name: "mallory",
  uri: "spiffe://shop/client/mallory",
  ...facts,
};
const alice: PeerIdentity = { ...mallory, name: "alice", uri: "spiffe://shop/client/alice" };
const hosts = { ...facts, hosts: ["a"] };
const node: PeerIdentity = { kind: "node", name: "a", uri: "spiffe://shop/node/a", ...hosts };

/** A node, and how its clients connect. */
async function crowd(world: World, limits: Partial<TransportLimits>) {
  const a = await world.start("a", { identity: node, limits });
  const connect = async (host: string, identity: PeerIdentity): Promise<Station> => {
    const station = await world.start(host, { role: "client", identity });
    station.send("a:25520", `hello from ${host}`);
    await world.clock.advance(200);
    return station;
  };
  return { a, connect };
}

Deno.test("identity limits: connections count by certificate, not by address", async () => {
  await using world = new World(1, { min: 1, max: 1 });
  const { a, connect } = await crowd(world, { maxConnectionsPerIdentity: 3 });
  for (let i = 0; i < 5; i++) await connect(`m${i}`, mallory);
  assertEquals(a.endpoint.peers().length, 3);
  assert(a.refusals[0]?.includes("maxConnectionsPerIdentity (3)"), a.refusals.join());
  await connect("alice", alice);
  assertEquals(a.endpoint.peers().length, 4);
  // One that ends makes room.
  a.endpoint.disconnect("client:m0", "for this test");
  await world.clock.advance(200);
  await connect("m9", mallory);
  assertEquals(a.endpoint.peers().length, 4);
});

Deno.test("identity limits: bytes that wait count by certificate, over all its connections", async () => {
  await using world = new World(1, { min: 1, max: 1 });
  const limits = { maxQueuedBytesPerIdentity: 100_000 };
  const { a, connect } = await crowd(world, limits);
  for (let i = 0; i < 4; i++) await connect(`m${i}`, mallory);
  await connect("alice", alice);
  const [readers, fast] = [["m0", "m1", "m2", "m3"], "x".repeat(10_000)];
  // The clients cannot acknowledge in the meantime.
  world.network.partition("a", readers);
  for (const reader of readers) {
    for (let i = 0; i < 8; i++) a.send(`client:${reader}`, fast);
  }
  a.send("client:alice", fast);
  const lost = a.dropped.filter((line) => line.includes("queueFull"));
  assertEquals(lost.length, 32 - 9, a.dropped.join());
  assert(!lost.some((line) => line.includes("alice")));
  // What was read makes room.
  world.network.heal();
  await world.clock.advance(1_000);
  for (const reader of readers) for (let i = 0; i < 2; i++) a.send(`client:${reader}`, fast);
  assertEquals(a.dropped.length, 23);
});

Deno.test("identity limits: what a broken connection has held is released", async () => {
  await using world = new World(1, { min: 1, max: 1 });
  const { a, connect } = await crowd(world, { maxQueuedBytesPerIdentity: 100_000 });
  await connect("m0", mallory);
  await connect("m1", mallory);
  world.network.partition("a", "m0");
  for (let i = 0; i < 9; i++) a.send("client:m0", "x".repeat(10_000));
  a.send("client:m1", "x".repeat(50_000));
  assertEquals(a.dropped.length, 1);
  world.network.reset("a", "m0");
  await world.clock.advance(100);
  a.dropped.splice(0);
  a.send("client:m1", "x".repeat(50_000));
  assertEquals(a.dropped, []);
});

/** Whether the node numbers paths on one more connection from a host, which stays open. */
async function numbersPaths(world: World, host: string): Promise<boolean> {
  const link = await world.dial(host, "a");
  let welcome: Uint8Array | undefined;
  link.onData = (chunk) => void (welcome ??= chunk.slice());
  const hello = { ...hostileHello, address: `client:${host}` };
  link.write(hostileFrames([FrameType.hello, encodeHello(hello)]), () => {});
  await world.clock.runUntil(() => welcome !== undefined);
  return decodeHello(welcome!.subarray(HEADER_BYTES))!.features.includes(features.paths);
}

Deno.test("identity limits: the numbered paths of one certificate take bounded memory", async () => {
  await using world = new World(1, { min: 1, max: 1 });
  const { a } = await crowd(world, {});
  const numbering: boolean[] = [];
  for (let i = 0; i < maxNumberingConnections + 10; i++) {
    world.network.host(`m${i}`, { identity: mallory });
    numbering.push(await numbersPaths(world, `m${i}`));
  }
  assertEquals(a.endpoint.peers().length, maxNumberingConnections + 10, a.refusals.join());
  assertEquals(numbering.filter((is) => is).length, maxNumberingConnections);
  world.network.host("alice", { identity: alice });
  assert(await numbersPaths(world, "alice"));
  // Those that end make room.
  for (let i = 0; i <= 10; i++) a.endpoint.disconnect(`client:m${i}`, "for this test");
  await world.clock.advance(200);
  assert(await numbersPaths(world, "m0"));
});
