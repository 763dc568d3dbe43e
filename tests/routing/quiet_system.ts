import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** A system on virtual time, with what it has logged and lost. */
export interface QuietSystem extends AsyncDisposable {
  readonly system: ActorSystem;
  readonly clock: ManualClock;
  /** `"level message"`. */
  readonly lines: string[];
  readonly lost: DeadLetter[];
  /** Lets everything run that can run without time passing. */
  settle(): Promise<void>;
}

/** Checks the ledger when it is disposed. */
export function quietSystem(seed = 1): QuietSystem {
  const clock = new ManualClock();
  const lines: string[] = [];
  const lost: DeadLetter[] = [];
  const logger = {
    log: (level: string, _source: string, message: string) =>
      void lines.push(`${level} ${message}`),
  };
  const system = new ActorSystem({ runtime: { clock, random: new SeededRandom(seed), logger } });
  system.eventStream.subscribe("deadLetter", (letter) => lost.push(letter));
  return {
    system,
    clock,
    lines,
    lost,
    settle: () => clock.advance(0),
    async [Symbol.asyncDispose]() {
      await clock.resolve(system.shutdown());
      assertBalanced(system);
      assertEquals(system.ledger.snapshot().inFlight, 0);
    },
  };
}

/** No message is lost without a trace. */
export function assertBalanced(system: ActorSystem): void {
  const { sent, delivered, deadLetters, inFlight } = system.ledger.snapshot();
  const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
  assertEquals(sent, delivered + lost + inFlight, "the ledger is out of balance");
}

/** What each actor has got, by path. */
export class Received<M> {
  readonly #byPath = new Map<string, M[]>();

  /** Writes down what it gets; stops when told `stopOn`, throws when told `failOn`. */
  behavior(stopOn?: M, failOn?: M): Behavior<M> {
    return Behaviors.receive((context, message) => {
      if (failOn !== undefined && message === failOn) throw new Error("told to fail");
      if (stopOn !== undefined && message === stopOn) return Behaviors.stopped();
      const list = this.#byPath.get(context.self.path);
      if (list === undefined) this.#byPath.set(context.self.path, [message]);
      else list.push(message);
      return Behaviors.same();
    });
  }

  of(path: string): readonly M[] {
    return this.#byPath.get(path) ?? [];
  }

  get paths(): string[] {
    return [...this.#byPath.keys()].sort();
  }

  get all(): M[] {
    return [...this.#byPath.values()].flat();
  }
}

/** Tells the numbers from 1 to `count`. */
export function tellNumbers(ref: ActorRef<number>, count: number): void {
  for (let number = 1; number <= count; number++) ref.tell(number);
}
