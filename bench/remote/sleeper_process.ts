/**
 * A process that only sleeps, 5 ms at a time: for each line of its input it prints by how many
 * microseconds 99 % of its sleeps since the line before were late at most.
 *
 * @module
 */
import { quantile } from "./measures.ts";

const sleep = 5;
let late: number[] = [];
let ended = false;

async function answer(): Promise<void> {
  for await (const _ of Deno.stdin.readable) {
    console.log(late.length === 0 ? NaN : quantile(late, 0.99));
    late = [];
  }
  ended = true;
}

if (import.meta.main) {
  const answering = answer();
  while (!ended) {
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, sleep));
    late.push(Math.max(0, performance.now() - begin - sleep) * 1_000);
  }
  await answering;
}
