/** The sender of `stalled.ts`. */
import { textFor } from "./counter.ts";
import { CastyNode } from "./casty.ts";
import { nextTurn } from "./measures.ts";
import { givenTls } from "./peer.ts";

const messages = 500_000;
const perTurn = 1_000;

const peer = Deno.env.get("CASTY_BENCH_PEER")!;
const pid = Number(Deno.env.get("CASTY_BENCH_PEER_PID"));
const node = await CastyNode.join(peer, givenTls());
const counter = node.counter();
const text = textFor(100);
for (let i = 0; i < 20; i++) await counter.ask(text);
const before = Deno.memoryUsage().rss;
let peak = before;
Deno.kill(pid, "SIGSTOP");
try {
  for (let sent = 1; sent <= messages; sent++) {
    counter.tell(text);
    if (sent % perTurn !== 0) continue;
    await nextTurn();
    peak = Math.max(peak, Deno.memoryUsage().rss);
  }
} finally {
  Deno.kill(pid, "SIGCONT");
}
// The receiver now reads the messages of the connection; its memory must not grow either.
while (!await counter.ask(text).then(() => true, () => false)) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
peak = Math.max(peak, Deno.memoryUsage().rss);
console.log(JSON.stringify({ before, peak, deadLetters: node.deadLetters }));
await node[Symbol.asyncDispose]();
Deno.exit(0);
