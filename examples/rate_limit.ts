/**
 * Two nodes and a client send mails, all together at most 10 in any second, and at most 3 at once.
 *
 * Run: `deno run -A examples/rate_limit.ts`
 */
import { ClusteredActorSystem } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import {
  rateLimit,
  type RateLimitAccess,
  RateLimitError,
  rateLimiters,
} from "@casty/casty/delivery";

const start = async (nodeId: string, seedNodes: string[]) => {
  const options = { name: "mails", nodeId, host: "127.0.0.1", port: 0, seedNodes };
  const node = await ClusteredActorSystem.start(options);
  node.spawn(rateLimiters());
  return node;
};
await using first = await start("node-1", []);
await using second = await start("node-2", [first.address]);
await using client = await ClusterClient.connect({
  contactPoints: [first.address],
  systemName: "mails",
});

const starts: number[] = [];
let running = 0;
let most = 0;
const send = (access: RateLimitAccess) =>
  rateLimit(access, { key: "mails", perSecond: 10, concurrency: 3, wait: 30_000 }).run(
    async ({ signal }) => {
      starts.push(performance.now());
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 100));
      signal.throwIfAborted();
      running--;
    },
  );
await Promise.all(Array.from({ length: 30 }, (_, at) => send([first, second, client][at % 3]!)));

const refusal = await rateLimit(client, { key: "mails", perSecond: 1 }).run(() => {}).catch((e) =>
  e
);
if (refusal instanceof RateLimitError) {
  console.log(`another one is refused: ${refusal.code}, try again in ${refusal.retryAfter} ms`);
}
// The eleventh starts a second after the first.
const closest = Math.min(...starts.slice(10).map((at, index) => at - starts[index]!));
console.log(`30 mails in ${((starts.at(-1)! - starts[0]!) / 1_000).toFixed(1)} s`);
console.log(`10 starts take at least ${Math.floor(closest)} ms; at most ${most} ran at once`);
if (closest < 1_000 || most > 3) Deno.exit(1);
