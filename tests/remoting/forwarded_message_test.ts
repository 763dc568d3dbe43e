/** Messages of a peer that go on to another as they came, in later turns. */
import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { smallestPassed } from "../../lib/remoting/passed_message.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import type { Link, Network } from "../../lib/runtime/network.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";

/** Overwrites each chunk behind the call that it was given in, as a link may. */
function withReusedChunks(network: Network): Network {
  const wrap = (link: Link): Link =>
    new Proxy(link, {
      get: (target, key) => {
        const value = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
      set: (target, key, value) => {
        const given = key === "onData"
          ? (chunk: Uint8Array) => {
            const reused = chunk.slice();
            value(reused);
            reused.fill(0xff);
          }
          : value;
        return Reflect.set(target, key, given, target);
      },
    });
  return {
    dial: async (options) => wrap(await network.dial(options)),
    listen: (options) =>
      network.listen({ ...options, onLink: (link) => options.onLink(wrap(link)) }),
  };
}

Deno.test("a forwarded message has its bytes when the chunk that it came in is used again", async () => {
  const hosts = new SimulatedHosts();
  const { clock } = hosts;
  const start = async (name: string): Promise<[Remoting, ActorSystem]> => {
    const own = hosts.runtime(name);
    const runtime = { ...own, network: withReusedChunks(own.network!) };
    const system = new ActorSystem({ runtime });
    const options = { systemName: "shop", role: "node", nodeId: name, incarnation: 1 } as const;
    const starting = Remoting.start(system, { ...options, runtime, host: name, port: 1 });
    return [await clock.resolve(starting), system];
  };
  const [sender, senderSystem] = await start("a");
  const [router, routerSystem] = await start("b");
  const back: unknown[] = [];
  sender.handleNodes("/back", (_peer, message) => void back.push(message));
  router.handleNodes("/forward", (peer, value) => {
    const { message } = value as { message: unknown };
    router.send(peer.address, "/back", 0, { type: "back", message });
  });
  const texts = ["a", "b", "c"].map((letter) => letter.repeat(2 * smallestPassed));
  for (const message of texts) sender.send("b:1", "/forward", 0, { type: "forward", message });
  await clock.advance(1_000);
  assertEquals(back, texts.map((message) => ({ type: "back", message })));
  for (const remoting of [sender, router]) await clock.resolve(remoting.close());
  for (const system of [senderSystem, routerSystem]) await clock.resolve(system.shutdown());
});
