/** A node in a process of its own, with no more permissions than the documented ones. */
import { type ActorRef, Behaviors, ClusteredActorSystem, TlsConfig } from "@casty/casty";

const { dir, port, stallPort, seedNodes } = JSON.parse(Deno.args[0]!);
const system = await ClusteredActorSystem.start({
  name: "permissions",
  host: "127.0.0.1",
  port,
  stallPort,
  seedNodes,
  requiredQuorum: seedNodes.length + 1,
  tls: await TlsConfig.fromPaths({
    certFile: `${dir}/node.crt`,
    keyFile: `${dir}/node.key`,
    caFile: `${dir}/ca.crt`,
    watch: true,
  }),
  stopOnSignals: true,
});
system.spawn(
  Behaviors.sharded(
    () =>
      Behaviors.receive<{ text: string; replyTo: ActorRef<string> }>((_context, message) => {
        message.replyTo.tell(message.text);
        return Behaviors.same();
      }),
    { numShards: 4 },
  ),
  "echo",
);
console.log("READY", system.address);
await Deno.stdin.read(new Uint8Array(1));
await system.shutdown();
console.log("STOPPED");
Deno.exit();
