/** A process with subscribers on one Redis connection. Ends at the end of its input. */
import { answerCounts } from "./child.ts";
import type { BenchEvent } from "./message.ts";
import { redisClient } from "./redis_client.ts";

const [folder, socket] = ["CASTY_BENCH_MODULES", "CASTY_BENCH_REDIS"].map((name) =>
  Deno.env.get(name)!
);
const counts = Array.from({ length: Number(Deno.env.get("CASTY_BENCH_SUBSCRIBERS")) }, () => 0);
const reports = redisClient(folder!, socket!);
const events = redisClient(folder!, socket!);
/** Deliveries that were not reported. */
let delivered = 0;
const subscribers = [...counts.keys()].map((index) => (_event: BenchEvent) => {
  counts[index]!++;
  if (++delivered !== counts.length) return;
  delivered = 0;
  void reports.publish("reports", "1");
});
events.on("message", (_channel, text) => {
  const event: BenchEvent = JSON.parse(text);
  for (const subscriber of subscribers) subscriber(event);
});
await events.subscribe("events");
console.log("READY");
await answerCounts(() => counts);
