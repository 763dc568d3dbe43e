import { assertEquals } from "@std/assert";
import type { Clock } from "../../../lib/runtime/clock.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { TlsNetwork } from "../../../lib/transport/tls_network.ts";
import { Certificates } from "./certificates.ts";
import { End, Server } from "./links.ts";

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
