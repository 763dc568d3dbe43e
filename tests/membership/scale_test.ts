import { assert } from "@std/assert";
import type { MembershipMessage } from "../../lib/membership/machine/messages.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

/** Milliseconds between two gossip rounds while not converged. */
const round = 250;

/** About as many bytes as the codec would make of what dominates: records and fingerprints. */
class Meter {
  bytes = 0;

  carry = (message: MembershipMessage): MembershipMessage => {
    this.bytes += 100;
    if (message.type === "summary") this.bytes += message.entries.length;
    if ("state" in message) this.bytes += 200 * message.state.members.length;
    return message;
  };
}

function isSettled(nodes: readonly SimulatedMember[]): boolean {
  return nodes.every(({ view: { converged, unreachable, members } }) =>
    converged && unreachable.size === 0 && members.length === nodes.length &&
    members.every(({ status }) => status === "up")
  );
}

interface Figures {
  /** Rounds until all agree on the first members, and on one more. */
  readonly forming: number;
  readonly joining: number;
  /**
   * Bytes that a member sends until one more has joined, and in a second at rest. Not per second
   * while one more joins: the bytes are those of the records, and a rate would punish fewer rounds.
   */
  readonly busy: number;
  readonly quiet: number;
}

function measure(size: number): Figures {
  const meter = new Meter();
  const world = new SimulatedMembers(size, meter.carry);
  const seeds = ["n0", "n1", "n2"];
  const nodes = Array.from({ length: size }, (_, index) => world.start(`n${index}`, seeds));
  const settle = () => {
    let rounds = 0;
    for (; !isSettled(nodes); rounds++) {
      assert(rounds < 200, `${size} members do not agree`);
      world.run(round);
    }
    return rounds;
  };
  const sent = (before: number) => (meter.bytes - before) / nodes.length;
  const forming = settle();
  let before = meter.bytes;
  world.run(5_000);
  const quiet = sent(before) / 5;
  nodes.push(world.start("late", seeds));
  before = meter.bytes;
  const joining = settle();
  return { forming, joining, busy: sent(before), quiet };
}

Deno.test("twice the members take a few more rounds and proportional bytes", () => {
  const small = measure(100);
  const large = measure(200);
  const seen = JSON.stringify({ small, large });
  // Founding alone takes a second; what follows grows with the logarithm.
  for (const { forming, joining } of [small, large]) {
    assert(forming <= 24 && joining <= 24, seen);
  }
  assert(large.forming - small.forming <= 4 && large.joining - small.joining <= 4, seen);
  // At rest the members' number does not matter; while something changes it may count once.
  assert(small.quiet < 2_000 && large.quiet < 1.2 * small.quiet, seen);
  assert(small.busy < 140_000 && large.busy < 2.4 * small.busy, seen);
});

/** Milliseconds in which thirty nodes that start together all see all up. */
function timeToForm(seed: number): number {
  const world = new SimulatedMembers(seed, (message) => message);
  const seeds = ["n0", "n1", "n2"];
  const nodes = Array.from({ length: 30 }, (_, index) => world.start(`n${index}`, seeds));
  while (!nodes.every(({ up }) => up.length === nodes.length)) {
    assert(world.now < 20_000, `seed ${seed}: no cluster`);
    world.run(10);
  }
  return world.now;
}

Deno.test("news is passed on before the next round: thirty nodes form in 2.5 s", () => {
  const times = Array.from({ length: 9 }, (_, index) => timeToForm(index + 1))
    .sort((a, b) => a - b);
  // The first second is that in which the first seed listens for a cluster.
  assert(times[4]! < 2_500, `sorted: ${times.join(", ")}`);
});
