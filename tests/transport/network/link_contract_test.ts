import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { TransportError } from "../../../lib/transport/base/errors.ts";
import type { Network, TlsMaterial } from "../../../lib/runtime/network.ts";
import { TcpNetwork } from "../../../lib/transport/tcp/tcp_network.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import { Certificates } from "./certificates.ts";
import { dial, End, pattern, Server } from "./links.ts";

interface Place {
  readonly network: Network;
  readonly options: { tls?: TlsMaterial };
}

function contract(name: string, body: (place: Place) => Promise<void>): void {
  Deno.test(`tcp: ${name}`, () => body({ network: new TcpNetwork(), options: {} }));
  Deno.test(`tls: ${name}`, async () => {
    await using certificates = await Certificates.create();
    await body({ network: new TlsNetwork(), options: { tls: await certificates.node() } });
  });
}

contract("bytes cross in both directions, in order", async ({ network, options }) => {
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  await client.send("question ");
  await client.send("one");
  const peer = await server.end();
  assertEquals(await peer.text(12), "question one");
  await peer.send("answer");
  assertEquals(await client.text(6), "answer");
  client.link.destroy();
  await client.ended();
});

contract("a write of several megabytes arrives whole", async ({ network, options }) => {
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  const bytes = pattern(5_000_003);
  const sent = client.send(bytes);
  const peer = await server.end();
  await peer.changes.until(() => peer.received === bytes.length);
  await sent;
  assertEquals(await digest(peer.chunks), await digest([bytes]));
  client.link.destroy();
  await client.ended();
});

contract("a paused reader holds the sender back and loses nothing", async (place) => {
  const { network, options } = place;
  await using server = await Server.start(network, { ...options, keep: false });
  const client = await dial(network, server.port, options);
  const peer = await server.end();
  peer.link.pause();
  const block = pattern(1 << 20);
  const total = 64;
  let written = 0;
  const next = () => {
    if (written === total) return;
    client.link.write(block, () => {
      written++;
      client.changes.check();
      next();
    });
  };
  next();
  await quiet(() => written);
  assertEquals(peer.received, 0);
  // What the two kernels hold: a few megabytes. Without back-pressure it would be all of it.
  assert(written < total / 2, `${written} MiB were taken while the reader was paused`);
  let index = 0;
  let intact = true;
  peer.link.onData = (chunk) => {
    for (const byte of chunk) intact &&= byte === block[index++ & (block.length - 1)];
    peer.changes.check();
  };
  peer.link.resume();
  await peer.changes.until(() => index === total * block.length);
  assert(intact);
  client.link.destroy();
  await client.ended();
});

contract("pausing inside onData stops the delivery", async ({ network, options }) => {
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  const peer = await server.end();
  let chunks = 0;
  let paused = false;
  let late = 0;
  let received = 0;
  peer.link.onData = (chunk) => {
    if (paused) late++;
    chunks++;
    received += chunk.length;
    paused = true;
    peer.link.pause();
    setTimeout(() => {
      paused = false;
      peer.link.resume();
    }, 0);
    peer.changes.check();
  };
  const bytes = pattern(400_000);
  await client.send(bytes);
  await peer.changes.until(() => received === bytes.length);
  assertEquals(late, 0);
  assert(chunks > 1);
  client.link.destroy();
  await client.ended();
});

contract("close sends what was written, then both ends learn of it once", async (place) => {
  const { network, options } = place;
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  const peer = await server.end();
  const bytes = pattern(3_000_000);
  let done = false;
  client.link.write(bytes, () => done = true);
  client.link.close();
  await Promise.all([client.ended(), peer.ended()]);
  assert(done);
  assertEquals(peer.received, bytes.length);
  assertEquals([client.closed, peer.closed], [1, 1]);
  assertEquals([client.error, peer.error], [undefined, undefined]);
});

contract("close is in order although the far end goes on sending", async (place) => {
  const { network, options } = place;
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  const peer = await server.end();
  const flood = pattern(256 * 1024);
  const pump = () => peer.link.write(flood, pump);
  pump();
  await client.changes.until(() => client.received > 0);
  const before = client.received;
  client.link.write(new TextEncoder().encode("last words"), () => {});
  client.link.close();
  await Promise.all([client.ended(), peer.ended()]);
  assertEquals(client.received, before);
  assertEquals(await peer.text(10), "last words");
});

contract("destroy ends both sides without waiting", async ({ network, options }) => {
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  const peer = await server.end();
  client.link.destroy();
  assertEquals(client.closed, 0, "the owner is not called from within its own call");
  await Promise.all([client.ended(), peer.ended()]);
  assertEquals([client.closed, peer.closed], [1, 1]);
  client.link.write(new Uint8Array(1), () => assert(false, "a write after the end is not done"));
});

contract("an owner that throws loses its own link only", async ({ network, options }) => {
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  const peer = await server.end();
  peer.link.onData = () => {
    throw new Error("owner failed");
  };
  await client.send("x");
  await Promise.all([client.ended(), peer.ended()]);
  assertEquals(peer.error?.message, "owner failed");
  const second = await dial(network, server.port, options);
  await second.send("still here");
  assertEquals(await (await server.end(1)).text(10), "still here");
  second.link.destroy();
  await second.ended();
});

contract("a second write before the first is done is an error", async ({ network, options }) => {
  await using server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  client.link.write(pattern(1_000_000), () => {});
  let thrown: unknown;
  try {
    client.link.write(new Uint8Array(1), () => {});
  } catch (error) {
    thrown = error;
  }
  assertInstanceOf(thrown, TransportError);
  client.link.destroy();
  await client.ended();
});

contract("links outlive their listener, new ones are refused", async ({ network, options }) => {
  const server = await Server.start(network, options);
  const client = await dial(network, server.port, options);
  const peer = await server.end();
  await server.close();
  await client.send("hello");
  assertEquals(await peer.text(5), "hello");
  const error = await assertRejects(() => dial(network, server.port, options), TransportError);
  assertEquals(error.code, "connectionRefused");
  client.link.destroy();
  await Promise.all([client.ended(), peer.ended()]);
});

contract("a port in use is a typed error with a remedy", async ({ network, options }) => {
  await using server = await Server.start(network, options);
  const error = await assertRejects(() =>
    network.listen({
      host: "127.0.0.1",
      port: server.port,
      handshakeTimeout: 1_000,
      maxPendingHandshakes: 1,
      onLink: () => {},
      onRefused: () => {},
      ...options,
    }), TransportError);
  assertEquals(error.code, "addressInUse");
  assert(error.remedy !== undefined);
});

contract("a name that does not resolve is a typed error", async ({ network, options }) => {
  const error = await assertRejects(
    () => dial(network, 1, { ...options, host: "no-such-host.invalid" }),
    TransportError,
  );
  assertEquals(error.code, "nameNotFound");
});

contract("an end that was made but not read loses no early bytes", async (place) => {
  const { network, options } = place;
  await using server = await Server.start(network, options);
  const link = await network.dial({
    host: "127.0.0.1",
    port: server.port,
    serverName: "127.0.0.1",
    timeout: 10_000,
    ...options,
  });
  link.pause();
  const peer = await server.end();
  await peer.send("early");
  const client = new End(link);
  link.resume();
  assertEquals(await client.text(5), "early");
  link.destroy();
  await client.ended();
});

/** Waits until `value` has not changed for a while: nothing announces that a pipe is full. */
async function quiet(value: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 20;) {
    same = value() === last ? same + 1 : 0;
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function digest(chunks: readonly Uint8Array[]): Promise<string> {
  const bytes = await new Blob([...chunks] as BlobPart[]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
