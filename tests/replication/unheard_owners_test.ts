import { assert } from "@std/assert";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { Copies } from "./replication_harness.ts";

/** Milliseconds in which each copy has had its turn several times. */
const limit = 30 * 60_000;

/** Links that carry nothing, as `"from>to"`. */
type Cuts = ReadonlySet<string>;

const addresses = (count: number) => Array.from("abcde".slice(0, count));

/** Whether a node that hears the others over links without cuts could open the log and write it. */
function canServe(owner: string, all: readonly string[], minAcks: number, cuts: Cuts): boolean {
  const heard = all.filter((other) =>
    other === owner || !(cuts.has(`${owner}>${other}`) || cuts.has(`${other}>${owner}`))
  );
  return heard.length >= Math.max(minAcks + 1, all.length - minAcks);
}

/** Cuts from a seed; "one-way" or in both directions. */
function cutsOf(random: SeededRandom, all: readonly string[]): Set<string> {
  const cuts = new Set<string>();
  const share = random.next();
  for (const [index, a] of all.entries()) {
    for (const b of all.slice(index + 1)) {
      if (random.next() >= share) continue;
      const way = random.next();
      if (way < 0.75) cuts.add(`${a}>${b}`);
      if (way > 0.25) cuts.add(`${b}>${a}`);
    }
  }
  return cuts;
}

interface Outcome {
  readonly owners: readonly string[];
  readonly acked: boolean;
}

/** A coordinator that hears all nodes grants the shard as owners request, while some nodes do not hear each other. */
function run(
  { all, minAcks, cuts, first, step }: {
    readonly all: readonly string[];
    readonly minAcks: number;
    readonly cuts: Cuts;
    readonly first: string;
    /** How far epochs are apart. */
    readonly step: () => number;
  },
): Outcome {
  const copies = new Copies(...all);
  const options = { minAcks, copies: all.length };
  copies.grant(all[0]!, 10, options);
  copies.propose(all[0]!);
  copies.tick(300);
  copies.step(all[0]!, { type: "stop" });
  copies.holds = ({ from, to }) => cuts.has(`${from}>${to}`);
  let epoch = 11;
  let owner = first;
  const owners = [owner];
  copies.grant(owner, epoch, options);
  const isServed = () => {
    const { primary } = copies.of(owner);
    if (primary?.phase !== "open") return false;
    return copies.propose(owner) > 0 && primary.acked === copies.of(owner).copy.log.last.index;
  };
  for (let acked = isServed(); copies.now < limit; acked = isServed()) {
    if (acked) return { owners, acked };
    copies.effects.length = copies.held.length = copies.sent.length = 0;
    copies.tick(1_000);
    const moves = copies.effects.filter(({ at }) => at === owner).map(({ effect }) => effect);
    const move = moves.findLast(({ type }) => type === "preferOwner" || type === "needsEpoch");
    if (move === undefined) continue;
    copies.step(owner, { type: "stop" });
    if (move.type === "needsEpoch") epoch = Math.max(epoch, move.above);
    if (move.type === "preferOwner") owners.push(owner = move.address);
    epoch += step();
    copies.grant(owner, epoch, options);
  }
  return { owners, acked: false };
}

Deno.test("a shard finds the copy that hears enough others, not the same two that do not in turns", () => {
  // "b" hears nobody, and "a" only "c", which hears "d" too.
  const cuts = new Set(["a>d", "d>a", "b>a", "a>b", "b>c", "c>b", "b>d", "d>b"]);
  const { acked, owners } = run({
    all: addresses(4),
    minAcks: 1,
    cuts,
    first: "a",
    step: () => 1,
  });
  assert(acked, `owners in turn: ${owners.join(" ")}`);
});

Deno.test("wherever one copy hears enough others in both directions, the shard goes on", () => {
  let moved = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = new SeededRandom(`unheard ${seed}`);
    const all = addresses(3 + Math.floor(random.next() * 3));
    const minAcks = 1 + Math.floor(random.next() * (all.length - 1));
    const cuts = cutsOf(random, all);
    if (!all.some((address) => canServe(address, all, minAcks, cuts))) continue;
    const even = random.next() < 0.5;
    const step = () => even ? all.length : 1 + Math.floor(random.next() * 30);
    const first = all[Math.floor(random.next() * all.length)]!;
    const { acked, owners } = run({ all, minAcks, cuts, first, step });
    if (owners.length > 1) moved++;
    const text = `seed ${seed}, ${all.length} copies, minAcks ${minAcks}, cut: ${
      [...cuts].join(" ")
    }`;
    assert(acked, `${text}; owners in turn: ${owners.slice(0, 12).join(" ")}`);
  }
  assert(moved > 20, `only ${moved} shards had to move`);
});
