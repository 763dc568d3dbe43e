/**
 * Bad peers send a million messages of all kinds, or as many as the first argument says, 10 000 to each
 * cluster. The second argument is the first seed; without it, the time of day. Exits with 1 if anything
 * is left behind: see `tests/fuzz/rounds.ts`. One seed again: `... 10000 SEED`.
 *
 *     deno run -A tests/soak/fuzz_messages.ts 1000000 7
 *
 * @module
 */
import { fuzzRound } from "../fuzz/rounds.ts";

const perRound = 10_000;

if (import.meta.main) {
  const messages = Number(Deno.args[0] ?? 1_000_000);
  const first = Number(Deno.args[1] ?? Date.now() % 1_000_000);
  const rounds = Math.ceil(messages / perRound);
  const failed: number[] = [];
  console.log(`first seed ${first}, ${rounds} rounds`);
  for (let round = 0; round < rounds; round++) {
    const seed = first + round;
    const { faults, cost, times, asMember } = await fuzzRound(seed, Math.min(messages, perRound));
    const [path, longest] = [...cost.longest].sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
    const each = cost.total / Math.max(1, cost.handled) * 1_000;
    console.log(
      `seed ${seed}: ${cost.handled} handled, ${asMember} sent as a member, ${
        each.toFixed(0)
      } us each, at most ` +
        `${longest.toFixed(1)} ms (${path}); ${JSON.stringify(times)}`,
    );
    if (faults.length === 0) continue;
    failed.push(seed);
    for (const fault of faults) console.error(`seed ${seed}: ${fault}`);
  }
  if (failed.length > 0) {
    console.error(`failed: ${failed.join(", ")}`);
    Deno.exit(1);
  }
}
