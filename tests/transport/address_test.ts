import { assert, assertEquals } from "@std/assert";
import { type AddressMap, addressMapper } from "../../lib/transport/base/address_map.ts";
import { Endpoint } from "../../lib/transport/endpoint/endpoint.ts";
import { systemRuntime } from "../../lib/transport/system_runtime.ts";
import { Conditions } from "./network/links.ts";
import { World } from "./endpoints.ts";

const maps: [string, AddressMap][] = [
  ["an object", { "b:25520": "tunnel:25520" }],
  ["a Map", new Map([["b:25520", "tunnel:25520"]])],
  ["a function", (address) => address === "b:25520" ? "tunnel:25520" : address],
];

for (const [what, addressMap] of maps) {
  Deno.test(`addresses: ${what} maps addresses to dial; others are dialled as they are`, async () => {
    await using world = new World();
    const b = await world.start("tunnel", { advertisedHost: "b" });
    const c = await world.start("c");
    const a = await world.start("a", { addressMap });
    assertEquals(b.endpoint.address, "b:25520");
    a.send("b:25520", "through the tunnel");
    a.send("c:25520", "straight");
    await world.clock.runUntil(() => b.heard.length === 1 && c.heard.length === 1);
    assertEquals(a.endpoint.peers().map(({ address }) => address).toSorted(), [
      "b:25520",
      "c:25520",
    ]);
  });
}

Deno.test("addresses: keys of an object's prototype map nothing", () => {
  assertEquals(addressMapper({})("constructor"), "constructor");
  assertEquals(addressMapper(undefined)("a:1"), "a:1");
});

Deno.test("addresses: a map that throws, or names no address, costs only that message", async () => {
  await using world = new World();
  const b = await world.start("b");
  const a = await world.start("a", {
    addressMap: (address) => {
      if (address === "bad:1") throw new Error("no such tunnel");
      return address === "worse:1" ? "not an address" : address;
    },
  });
  for (const address of ["bad:1", "worse:1", "b:25520"]) a.send(address, "hello");
  await world.clock.runUntil(() => b.heard.length === 1 && a.dropped.length === 2);
  assert(a.unreachable.includes("no such tunnel"), a.unreachable.join());
  assert(a.unreachable.some((reason) => reason.includes('"not an address"')), a.unreachable.join());
});

Deno.test("addresses: IPv6 and port 0 on a real socket; peers see the advertised address", async () => {
  const changes = new Conditions();
  const heard: string[] = [];
  const open = (options: { advertisedHost?: string; advertisedPort?: number }) =>
    Endpoint.start({
      runtime: systemRuntime(),
      systemName: "shop",
      role: "node",
      nodeId: "",
      incarnation: 1,
      host: "::1",
      port: 0,
      ...options,
      onMessage: (peer) => {
        heard.push(peer.address);
        changes.check();
      },
      onDropped: (to) => {
        heard.push(`lost ${to}`);
        changes.check();
      },
    });
  const plain = await open({});
  const behind = await open({ advertisedHost: "node.example", advertisedPort: 443 });
  assert(/^\[::1\]:[1-9]\d*$/.test(plain.address), plain.address);
  assertEquals(behind.address, "node.example:443");
  behind.send(plain.address, "user", new Uint8Array(1));
  await changes.until(() => heard.length === 1);
  // The answer needs no dialling.
  plain.send("node.example:443", "user", new Uint8Array(1));
  await changes.until(() => heard.length === 2);
  assertEquals(heard, ["node.example:443", plain.address]);
  await plain.close();
  await behind.close();
});
