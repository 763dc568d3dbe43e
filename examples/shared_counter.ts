/**
 * A page with a counter that all its visitors share, in a cluster of one node.
 *
 *     deno run -A examples/shared_counter.ts            then open http://127.0.0.1:8080/
 *     deno run -A examples/shared_counter.ts --demo     two clients without a browser, and ends
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { Behaviors, ClusteredActorSystem } from "@casty/casty";
import { gatewayClient } from "@casty/casty/gateway-client";
import type { Api } from "./shared_counter/api.ts";
import { Changes, counter, Counters } from "./shared_counter/counters.ts";
import { serveSite } from "./shared_counter/site.ts";

const { demo, port } = parseArgs(Deno.args, {
  boolean: ["demo"],
  string: ["port"],
  default: { port: "8080" },
  unknown: (arg) => {
    console.error(`unknown argument: ${arg}; use --port=NUMBER or --demo`);
    Deno.exit(2);
  },
});

await using node = await ClusteredActorSystem.start({ name: "site", host: "127.0.0.1", port: 0 });
const changes = node.topic(Changes);
node.spawn(Behaviors.sharded(
  Counters,
  (name) => counter((value) => changes.publish({ counter: name, value })),
));
await using site = await serveSite(node, demo ? 0 : Number(port));

if (demo) await runDemo();
else {
  const stopped = new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", resolve));
  console.log(`open ${site.url} in two windows; stop with Ctrl+C`);
  await stopped;
}

async function runDemo(): Promise<void> {
  const url = new URL("/gateway", site.url).href;
  await using ann = gatewayClient<Api>({ url });
  await using ben = gatewayClient<Api>({ url });
  const seen = ben.topic("changes").subscribe();
  // The answer comes behind the subscription.
  console.log(`ben sees ${await ben.entity("counters", "hits").get()}`);
  console.log(`ann adds: ${await ann.entity("counters", "hits").add({ amount: 1 })}`);
  for await (const event of seen) {
    if (event.type === "message") console.log(`ben sees ${event.message.value}`);
    break;
  }
  const refused = await ann.entity("counters", "hits").add({ amount: 100 }).catch((error) => error);
  console.log(`ann adds 100: ${refused.code}, outcome ${refused.outcome}`);
}
