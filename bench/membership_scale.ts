/**
 * Scaling of the membership protocol: 100, 300 and 1,000 members on virtual time form a cluster,
 * rest, go through a partition of a third for 10 s (too short for downing), lose a tenth at once,
 * down them, and admit a tenth of new members. A round is the gossip interval before convergence
 * (250 ms). Bytes are those of the codec that nodes use.
 *
 *     deno run -A bench/membership_scale.ts [--sizes 100,300,1000] [--markdown]
 *
 * @module
 */
import { systemClock } from "../lib/runtime/system_clock.ts";
import { parseArgs } from "@std/cli/parse-args";
import { Codec } from "../lib/wire/codec.ts";
import type { MembershipMessage } from "../lib/membership/machine/messages.ts";
import { type SimulatedMember, SimulatedMembers } from "../tests/membership/simulated_members.ts";

const args = parseArgs(Deno.args, {
  string: ["sizes"],
  boolean: ["markdown"],
  default: { sizes: "100,300,1000" },
});

/** Milliseconds between two gossip rounds before convergence. */
const round = 250;

/** Counts the bytes of messages. Records and tombstones are encoded once and counted each time. */
class Meter {
  bytes = 0;
  messages = 0;
  readonly #sizes = new WeakMap<object, number>();
  readonly #codec = new Codec({
    now: systemClock.now,
    resolve: () => {
      throw new Error("no references here");
    },
  });

  carry = (message: MembershipMessage): MembershipMessage => {
    this.messages++;
    this.bytes += this.#sizeOf(message);
    return message;
  };

  #sizeOf(message: MembershipMessage): number {
    if (!("state" in message)) return this.#codec.encode(message).length;
    const { state, ...rest } = message;
    // The header of a list with up to 65 535 items has at most three bytes.
    let size = this.#codec.encode({ ...rest, state: { members: [], tombstones: [] } }).length + 4;
    for (const record of state.members) size += this.#partSize(record);
    for (const tombstone of state.tombstones) size += this.#codec.encode(tombstone).length;
    return size;
  }

  #partSize(part: object): number {
    let size = this.#sizes.get(part);
    if (size === undefined) {
      size = this.#codec.encode(part).length;
      this.#sizes.set(part, size);
    }
    return size;
  }
}

interface Phase {
  readonly name: string;
  /** Virtual milliseconds until all members agree. */
  readonly took: number;
  /** Bytes per second that one member sends. */
  readonly bytesPerSecond: number;
}

function settled(nodes: readonly SimulatedMember[]): boolean {
  const count = nodes.length;
  // The last members are the least likely to agree, so they are checked first.
  for (let i = count - 1; i >= 0; i--) {
    const { view } = nodes[i]!;
    if (!view.converged || view.members.length !== count || view.unreachable.size > 0) return false;
    if (view.self.status !== "up") return false;
  }
  return nodes.every(({ view }) => view.members.every(({ status }) => status === "up"));
}

function measure(size: number): { phases: Phase[]; wall: number } {
  const begun = performance.now();
  const meter = new Meter();
  const world = new SimulatedMembers(size, meter.carry);
  const seeds = ["n0", "n1", "n2"];
  let nodes = Array.from({ length: size }, (_, i) => world.start(`n${i}`, seeds));
  const phases: Phase[] = [];
  const phase = (name: string, run: () => number | undefined) => {
    const [bytes, at] = [meter.bytes, world.now];
    const took = run();
    if (took === undefined) throw new Error(`${size} members: ${name} did not end`);
    const seconds = (world.now - at) / 1_000;
    const bytesPerSecond = (meter.bytes - bytes) / nodes.length / seconds;
    phases.push({ name, took, bytesPerSecond });
  };
  const settle = () => {
    // Checked once a round: checking a thousand members after each message would take too long.
    const start = world.now;
    while (!settled(nodes)) {
      if (world.now - start > 300_000) return undefined;
      world.run(round);
    }
    return world.now - start;
  };
  phase("form", settle);
  phase("rest for 20 s", () => {
    world.run(20_000);
    return 20_000;
  });
  phase("one more", () => {
    nodes.push(world.start(`late`, seeds));
    return settle();
  });
  phase("heal after 10 s", () => {
    const third = Math.floor(nodes.length / 3);
    world.partition(nodes.slice(0, third), nodes.slice(third));
    world.run(10_000);
    world.heal();
    const took = settle();
    if (nodes.some(({ downed }) => downed !== undefined)) {
      throw new Error("a healthy member was downed");
    }
    return took;
  });
  phase("lose a tenth", () => {
    const lost = nodes.filter((_, i) => i % 10 === 5);
    nodes = nodes.filter((_, i) => i % 10 !== 5);
    for (const node of lost) world.crash(node);
    return settle();
  });
  phase("take a tenth", () => {
    for (let i = 0; i < size / 10; i++) nodes.push(world.start(`new${i}`, seeds));
    return settle();
  });
  return { phases, wall: performance.now() - begun };
}

const rows: string[] = [];
const names: string[] = [];
for (const size of String(args.sizes).split(",").map(Number)) {
  const { phases, wall } = measure(size);
  if (names.length === 0) {
    names.push(...phases.map(({ name }) => name));
    rows.push(`| members | ${names.join(" | ")} | wall |`);
    rows.push(`| ---: |${names.map(() => " ---: |").join("")} ---: |`);
  }
  const cells = phases.map(({ name, took, bytesPerSecond }) => {
    const rate = `${(bytesPerSecond / 1_000).toFixed(2)} kB/s`;
    return name.startsWith("rest")
      ? rate
      : `${(took / 1_000).toFixed(1)} s, ${Math.ceil(took / round)} rounds, ${rate}`;
  });
  rows.push(`| ${size} | ${cells.join(" | ")} | ${(wall / 1_000).toFixed(1)} s |`);
  if (!args.markdown) console.log(rows.at(-1));
}
console.log(rows.join("\n"));
