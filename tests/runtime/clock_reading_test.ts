import { assertEquals } from "@std/assert";
import { TurnGate } from "../../lib/actor/cell/turn_gate.ts";
import type { LeaseConfig } from "../../lib/sharding/lease/lease_config.ts";
import { NodeLease } from "../../lib/sharding/lease/node_lease.ts";
import type { Term } from "../../lib/sharding/routing/term.ts";
import { readClocks } from "../../lib/runtime/clock_reading.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

/** The clock of a process from which another one takes the processor before it reads wall time. */
class PreemptedClock extends ManualClock {
  /** How often it is preempted, 200 ms each. */
  preemptions = 0;
  #lost = 0;
  #jumped = 0;

  /** The machine is suspended, and its monotonic clock stands still meanwhile. */
  suspend(ms: number): void {
    this.#jumped += ms;
  }

  override now(): number {
    return super.now() + this.#lost;
  }

  override wallTime(): number {
    if (this.preemptions > 0) {
      this.preemptions--;
      this.#lost += 200;
    }
    return super.wallTime() + this.#lost + this.#jumped;
  }
}

Deno.test("clocks that are read around a preemption are read again", () => {
  const clock = new PreemptedClock({ epoch: 0 });
  for (const preemptions of [0, 1, 3]) {
    clock.preemptions = preemptions;
    const { now, wallTime } = readClocks(clock);
    assertEquals([wallTime - now, clock.preemptions], [0, 0]);
  }
});

Deno.test("clocks that are never read at one moment keep the gain of the last attempt", () => {
  const clock = new PreemptedClock({ epoch: 0 });
  clock.preemptions = 1_000_000;
  const { now, wallTime } = readClocks(clock);
  assertEquals(wallTime - now, 200);
});

Deno.test("a preemption between two clocks closes no gate and hides no suspension", () => {
  const clock = new PreemptedClock();
  const gate = new TurnGate(clock);
  const why: string[] = [];
  gate.listen({ onClosed: (closing) => why.push(closing), onClockJump: () => why.push("jump") });
  clock.preemptions = 1;
  gate.extend(10_000);
  clock.preemptions = 1;
  gate.look();
  assertEquals([gate.closed, why], [false, []]);
  clock.suspend(60);
  gate.look();
  assertEquals([gate.closed, why], [true, ["clockJumped", "jump"]]);
  gate.end();
});

Deno.test("a preemption between two clocks ends no lease and hides no suspension", () => {
  const term: Term = [5, "a:1"];
  const clock = new PreemptedClock();
  const sent: { round: number }[] = [];
  const node = new NodeLease({
    self: "x:1",
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    send: (_to, _path, message) => {
      const renewal = message as { type: string; round: number };
      if (renewal.type === "renewLease") sent.push(renewal);
    },
    isCoordinator: () => true,
    isMember: () => true,
    onLaterTerm: () => true,
    onNotAdmitted: () => {},
    onLease: () => {},
  });
  const voter = { address: "a:1", incarnation: 1 };
  const config: LeaseConfig = { version: [term, 1], voters: [voter], excluded: [] };
  const acknowledge = () => {
    const { round } = sent.at(-1)!;
    node.receive(voter.address, { type: "leaseRenewed", incarnation: 1, round });
  };
  node.setIncarnation(1);
  node.acknowledge(term);
  clock.preemptions = 1;
  node.onAdmit({ type: "admitHolder", term, config });
  clock.preemptions = 1;
  acknowledge();
  assertEquals(node.holds, true);
  clock.preemptions = 1;
  node.tick();
  assertEquals(node.holds, true);
  clock.suspend(60);
  node.tick();
  assertEquals(node.holds, false);
});
