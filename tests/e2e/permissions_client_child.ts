/** A client in a process of its own, with no more permissions than the documented ones. */
import { type ActorRef, shardEnvelope, TlsConfig } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";

const { dir, contactPoints } = JSON.parse(Deno.args[0]!);
await using client = await ClusterClient.connect({
  contactPoints,
  systemName: "permissions",
  tls: await TlsConfig.fromPaths({
    certFile: `${dir}/client.crt`,
    keyFile: `${dir}/client.key`,
    caFile: `${dir}/ca.crt`,
  }),
});
const echo = client.entityRef<{ text: string; replyTo: ActorRef<string> }>("echo", {
  numShards: 4,
});
const answers = [];
// Of entities of both nodes.
for (let i = 0; i < 16; i++) {
  answers.push(
    await client.ask(
      echo,
      (replyTo: ActorRef<string>) => shardEnvelope(`e${i}`, { text: `${i}`, replyTo }),
    ),
  );
}
console.log("ANSWERS", answers.join(" "));
