import { assert, assertEquals } from "@std/assert";
import type { Network } from "../../lib/runtime/network.ts";
import { World } from "./endpoints.ts";

Deno.test("deadline: what TCP and TLS have taken is not given again for the hello, on either end", async () => {
  await using world = new World(1, { min: 0, max: 0 });
  const host = world.network.host("a");
  // As if TLS had taken three seconds.
  const slow: Network = {
    dial: async (options) => {
      const link = await host.dial(options);
      await new Promise<void>((resolve) => void world.clock.schedule(3_000, resolve));
      return link;
    },
    listen: (options) =>
      host.listen({
        ...options,
        onLink: (link) => options.onLink(link, world.clock.now() - 3_000),
      }),
  };
  const a = await world.start("a", { network: slow });
  const accepted = await world.dial("x", "a");
  let ended = 0;
  accepted.onClose = () => ended = world.clock.now();
  let began = world.clock.now();
  await world.clock.runUntil(() => ended > 0);
  assertEquals(ended - began, 2_000);
  assert(/handshakeTimeout \(5000 ms\)/.test(a.refusals.join()), a.refusals.join());

  // Somebody who accepts and says nothing.
  const mute = world.network.host("mute");
  const options = { host: "mute", port: 25_520, handshakeTimeout: 1e9, maxPendingHandshakes: 1 };
  await mute.listen({ ...options, onLink() {}, onRefused() {} });
  began = world.clock.now();
  a.send("mute:25520", "hello");
  await world.clock.runUntil(() => a.dropped.length === 1, 20_000);
  assertEquals(world.clock.now() - began, 5_000);
  assertEquals(a.dropped, ["mute:25520 disconnected hello"]);
});
