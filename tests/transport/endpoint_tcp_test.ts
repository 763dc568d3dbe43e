import { assert, assertEquals } from "@std/assert";
import { Endpoint, type EndpointOptions } from "../../lib/transport/endpoint/endpoint.ts";
import { systemRuntime } from "../../lib/transport/system_runtime.ts";
import type { IdentityMapping } from "../../lib/runtime/identity_mapping.ts";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { Station } from "./endpoints.ts";
import { Certificates } from "./network/certificates.ts";
import { Conditions } from "./network/links.ts";
import { opensslTest } from "../openssl.ts";

/** A station on a real loopback port whose changes can be waited for. */
class RealStation extends Station implements AsyncDisposable {
  readonly changes = new Conditions();

  static async start(options: Partial<EndpointOptions> = {}): Promise<RealStation> {
    const station = new RealStation();
    const callbacks = station.callbacks();
    const watched = Object.fromEntries(
      Object.entries(callbacks).map(([name, callback]) => [name, (...args: never[]) => {
        (callback as (...args: never[]) => void)(...args);
        station.changes.check();
      }]),
    ) as typeof callbacks;
    const { log } = station.logger;
    station.endpoint = await Endpoint.start({
      runtime: systemRuntime({
        logger: {
          log: (...line) => {
            log(...line);
            station.changes.check();
          },
        },
      }),
      systemName: "shop",
      role: "node",
      nodeId: "",
      incarnation: 1,
      ...(options.role === "client" ? {} : { host: "127.0.0.1", port: 0 }),
      ...watched,
      ...options,
    });
    return station;
  }

  get address(): string {
    return this.endpoint.address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endpoint.close();
  }
}

async function exchange(tls?: TlsMaterial): Promise<void> {
  const secure = tls === undefined ? {} : { tls };
  await using a = await RealStation.start(secure);
  await using b = await RealStation.start(secure);
  const expected = Array.from({ length: 20_000 }, (_, index) => `message ${index}`);
  for (const text of expected) a.send(b.address, text);
  b.send(a.address, "beat", "control");
  await b.changes.until(() => b.heard.length === expected.length);
  await a.changes.until(() => a.heard.length === 1);
  assertEquals(b.texts, expected);
  assertEquals(a.heard, [`${b.address} control beat`]);
  assertEquals([a.dropped, b.dropped], [[], []]);
}

Deno.test("endpoint: many messages cross a real loopback in order, on both lanes", () =>
  exchange());

Deno.test("endpoint: the same over mutual TLS, after the listener has proved itself", async () => {
  await using certificates = await Certificates.create();
  await exchange(await certificates.node());
});

opensslTest(
  "endpoint: over real TLS a client's certificate makes no node, but a client",
  async () => {
    await using certificates = await Certificates.create();
    const tls = await certificates.client({
      hosts: ["127.0.0.1"],
      usages: "serverAuth,clientAuth",
    });
    await using node = await RealStation.start({ tls: await certificates.node() });
    await using client = await RealStation.start({ role: "client", address: "client:c1", tls });
    client.send(node.address, "hello");
    await node.changes.until(() => node.heard.length === 1);
    node.send("client:c1", "welcome");
    await client.changes.until(() => client.heard.length === 1);
    assertEquals(node.endpoint.peers().map(({ role, identity }) => [role, identity.kind]), [
      ["client", "client"],
    ]);
    await using pretender = await RealStation.start({
      role: "client",
      address: "127.0.0.1:1",
      tls,
    });
    pretender.send(node.address, "I am a node");
    await node.changes.until(() => node.refusals.length === 1);
    await pretender.changes.until(() => pretender.dropped.length === 1);
    assertEquals(node.heard.length, 1);
  },
);

Deno.test("endpoint: garbage on a real socket is cut and logged, others are served", async () => {
  await using a = await RealStation.start();
  await using b = await RealStation.start();
  const port = Number(a.address.split(":")[1]);
  using raw = await Deno.connect({ hostname: "127.0.0.1", port });
  await raw.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: casty\r\n\r\n"));
  assertEquals(await raw.read(new Uint8Array(1)).catch(() => null), null);
  await a.changes.until(() => a.refusals.length === 1);
  b.send(a.address, "hello");
  await a.changes.until(() => a.heard.length === 1);
});

Deno.test("endpoint: a silent real socket is cut at the handshake's deadline", async () => {
  await using a = await RealStation.start({ limits: { handshakeTimeout: 50 } });
  const port = Number(a.address.split(":")[1]);
  using raw = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(await raw.read(new Uint8Array(1)).catch(() => null), null);
  await a.changes.until(() => a.refusals.length === 1);
  assert(a.refusals[0]!.includes("handshakeTimeout (50 ms)"), a.refusals[0]!);
});

Deno.test("endpoint: close on a real loopback sends the queue", async () => {
  await using b = await RealStation.start();
  const a = await RealStation.start();
  for (let i = 0; i < 5_000; i++) a.send(b.address, `m${i}`);
  await a.changes.until(() => a.events.length === 1);
  for (let i = 5_000; i < 10_000; i++) a.send(b.address, `m${i}`);
  await a.endpoint.close();
  await b.changes.until(() => b.events.length === 2);
  assertEquals(b.texts, Array.from({ length: 10_000 }, (_, index) => `m${index}`));
  assertEquals(b.events[1], `down ${a.address} user: closed by the peer: this end shuts down`);
});

Deno.test("endpoint: the address of a client belongs to its full URI, also in another domain", async () => {
  await using certificates = await Certificates.create();
  const identity: IdentityMapping = {
    node: "spiffe://casty/node/*",
    client: ["spiffe://prod/client/*", "spiffe://dev/client/*"],
  };
  const alice = async (domain: string): Promise<TlsMaterial> => {
    const wanted = { name: "alice", uri: `spiffe://${domain}/client/alice` };
    return { ...await certificates.client(wanted), identity };
  };
  const tls = { ...await certificates.node(), identity };
  await using node = await RealStation.start({ tls });
  const options = { role: "client", address: "client:1" } as const;
  const prod = await RealStation.start({ ...options, tls: await alice("prod") });
  prod.send(node.address, "hello");
  await node.changes.until(() => node.heard.length === 1);
  await prod.endpoint.close();
  await using dev = await RealStation.start({
    ...options,
    incarnation: 2,
    tls: await alice("dev"),
  });
  dev.send(node.address, "the address is mine");
  await node.changes.until(() => node.refusals.length === 1 || node.heard.length > 1);
  assertEquals(node.texts, ["hello"]);
  assert(
    node.refusals[0]!.includes("client:1 belongs to the holder of another certificate"),
    node.refusals[0]!,
  );
  await using back = await RealStation.start({
    ...options,
    incarnation: 3,
    tls: await alice("prod"),
  });
  back.send(node.address, "again");
  await node.changes.until(() => node.heard.length === 2);
  assertEquals(node.texts, ["hello", "again"]);
});
