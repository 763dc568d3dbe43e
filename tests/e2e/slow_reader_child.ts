/** A node that counts what it is told. Its first argument is its TLS material, as JSON. */
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { systemRuntime } from "../../lib/transport/system_runtime.ts";

/** What the counter takes. */
export type CounterMessage =
  | { readonly type: "count"; readonly text: string }
  | { readonly type: "get"; readonly replyTo: ActorRef<number> };

/** A system that others can reach, without a cluster. */
export async function openSystem(
  nodeId: string,
  tls: TlsMaterial,
): Promise<{ system: ActorSystem; remoting: Remoting }> {
  const runtime = systemRuntime();
  const system = new ActorSystem({ runtime });
  const remoting = await Remoting.start(system, {
    runtime,
    systemName: "slow",
    role: "node",
    nodeId,
    incarnation: 1,
    host: "127.0.0.1",
    port: 0,
    tls,
  });
  return { system, remoting };
}

if (import.meta.main) {
  const { system, remoting } = await openSystem("reader", JSON.parse(Deno.args[0]!));
  let count = 0;
  system.spawn(
    Behaviors.receive<CounterMessage>((_context, message) => {
      if (message.type === "count") count++;
      else message.replyTo.tell(count);
      return Behaviors.same();
    }),
    "counter",
  );
  console.log(`READY ${remoting.address}`);
  // Until the test closes standard input.
  await Deno.stdin.readable.pipeTo(new WritableStream());
  await system.shutdown();
  await remoting.close();
}
