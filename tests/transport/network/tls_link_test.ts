import { assert, assertEquals } from "@std/assert";
import type { Clock } from "../../../lib/runtime/clock.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import { Certificates } from "./certificates.ts";
import { dial, End, Server } from "./links.ts";

/** A clock whose macrotasks wait until they are let go: a busy event loop. */
function busyClock(): { clock: Clock; release: () => void } {
  const held: (() => void)[] = [];
  let open = false;
  const clock: Clock = {
    ...systemClock,
    yield: (task) => open ? systemClock.yield(task) : void held.push(task),
  };
  const release = () => {
    open = true;
    for (const task of held) systemClock.yield(task);
  };
  return { clock, release };
}

Deno.test("a link that is resumed before its first turn loses no early bytes", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(new TlsNetwork(), { tls });
  const { clock, release } = busyClock();
  const link = await new TlsNetwork(clock).dial({
    host: "127.0.0.1",
    port: server.port,
    serverName: "127.0.0.1",
    timeout: 10_000,
    tls,
  });
  link.pause();
  const peer = await server.end();
  await peer.send("early");
  link.resume();
  const client = new End(link);
  // Many turns of the event loop: what can be lost now is lost.
  for (let turn = 0; turn < 1_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  release();
  assertEquals(await client.text(5), "early");
  link.destroy();
  await client.ended();
});

Deno.test("bulk of one link leaves each turn of the event loop to others as well", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(new TlsNetwork(), { tls, keep: false });
  const client = await dial(new TlsNetwork(), server.port, { tls });
  const { link } = await server.end();
  const total = 32 * 1_048_576;
  const { promise: whole, resolve } = Promise.withResolvers<void>();
  let received = 0;
  let inTurn = 0;
  let most = 0;
  let pauseAt = 4_194_304;
  link.onData = (chunk) => {
    received += chunk.length;
    inTurn += chunk.length;
    most = Math.max(most, inTurn);
    // Seven times within it: reading that rests and is paused as well goes on after both.
    if (received > pauseAt) {
      pauseAt += 4_194_304;
      link.pause();
      setImmediate(() => link.resume());
    }
    if (received === total) resolve();
  };
  const turn = () => {
    inTurn = 0;
    if (received < total) setImmediate(turn);
  };
  setImmediate(turn);
  const sent = client.send(new Uint8Array(total));
  await Promise.all([whole, sent]);
  assertEquals(received, total);
  assert(most <= 524_288, `${most} bytes in one turn`);
  client.link.destroy();
  await client.ended();
});
