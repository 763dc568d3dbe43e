/** A node with subscribers. Says when they have subscribed, and ends at the end of its input. */
import { Behaviors, ClusteredActorSystem, silentLogger } from "@casty/casty";
import { givenTls } from "../remote/peer.ts";
import { Events, Reports } from "./casty_side.ts";
import { answerCounts } from "./child.ts";
import type { BenchEvent } from "./message.ts";

const system = await ClusteredActorSystem.start({
  name: "bench",
  host: "127.0.0.1",
  port: 0,
  tls: givenTls(),
  seedNodes: [Deno.env.get("CASTY_BENCH_SEED")!],
  logger: silentLogger,
});
const counts = Array.from({ length: Number(Deno.env.get("CASTY_BENCH_SUBSCRIBERS")) }, () => 0);
const [events, reports] = [system.topic(Events), system.topic(Reports)];
/** Deliveries that were not reported. */
let delivered = 0;
for (const index of counts.keys()) {
  const subscriber = Behaviors.receive<BenchEvent>(() => {
    counts[index]!++;
    if (++delivered === counts.length) {
      delivered = 0;
      reports.publish(1);
    }
    return Behaviors.same();
  });
  events.subscribe(system.spawn(subscriber, `subscriber-${index}`));
}
console.log("READY");
await answerCounts(() => counts);
