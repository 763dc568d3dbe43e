import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { ActorSystemOptions } from "../../lib/actor/system/actor_system_options.ts";
import type { SystemEvent } from "../../lib/actor/services/event_stream.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { type Line, recordedLog } from "./recorded_log.ts";

/** A system on virtual time; its end proves that no message was lost without a trace. */
export class VirtualSystem implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly lines: Line[];
  readonly system: ActorSystem;

  constructor(options: ActorSystemOptions = {}) {
    const { lines, logger } = recordedLog();
    this.lines = lines;
    const random = new SeededRandom("virtual system");
    this.system = new ActorSystem({ ...options, runtime: { clock: this.clock, random, logger } });
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** The events of these types, as they come. */
  events(...types: string[]): SystemEvent[] {
    const events: SystemEvent[] = [];
    for (const type of types) {
      this.system.eventStream.subscribe<SystemEvent>(type, (e) => void events.push(e));
    }
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resolve(this.system.shutdown());
    await this.settle();
    const { sent, delivered, deadLetters, inFlight } = this.system.ledger.snapshot();
    const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
    assertEquals(sent, delivered + lost + inFlight, "the ledger balances");
    assertEquals(inFlight, 0, "nothing waits in a system that was shut down");
    assertEquals(this.clock.pending, 0, "no timer is left");
  }
}
