/**
 * One node of the sharding benchmarks. Reads its options as one line of JSON from standard input,
 * prints `READY`, and shuts down at the end of its input.
 *
 * @module
 */
import { Behaviors, ClusteredActorSystem } from "@casty/casty";
import { type BenchMessage, Counters, type NodeOptions } from "./shared.ts";

let instances = 0;

const counter = () => {
  let count = 0;
  const instance = `${Deno.pid}.${++instances}`;
  return Behaviors.receive<BenchMessage>((_context, message) => {
    count++;
    if (message.type === "get") message.replyTo.tell(count);
    else if (message.type === "instance") message.replyTo.tell(instance);
    return Behaviors.same();
  });
};

const input = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let text = "";
let system: ClusteredActorSystem | undefined;
for await (const chunk of input) {
  text += chunk;
  if (system !== undefined || !text.includes("\n")) continue;
  const { port, seedNodes, quorum, tls } = JSON.parse(text.split("\n")[0]!) as NodeOptions;
  system = await ClusteredActorSystem.start({
    name: "bench",
    host: "127.0.0.1",
    port,
    seedNodes,
    tls,
    requiredQuorum: quorum,
  });
  system.spawn(Behaviors.sharded(Counters, counter));
  console.log("READY");
}
await system?.shutdown();
