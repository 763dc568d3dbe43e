import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import type { ProducerMessage } from "../../lib/streams/protocol.ts";
import { streamProducer, type StreamProducerOptions } from "../../lib/streams/stream_producer.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** A system on virtual time. When it is disposed of, every message must be accounted for. */
export class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly system: ActorSystem;

  constructor() {
    const runtime = { clock: this.clock, random: new SeededRandom(1), logger: silentLogger };
    this.system = new ActorSystem({ runtime });
  }

  producer<T = number>(
    options?: StreamProducerOptions,
    name = "producer",
  ): ActorRef<ProducerMessage<T>> {
    return this.system.spawn(streamProducer<T>(options), name);
  }

  /** Lets virtual time pass until the promise is settled. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.resolve(promise);
  }

  /** What a promise has come to, now. */
  async state(promise: Promise<unknown>): Promise<string> {
    let state = "waits";
    promise.then(() => state = "fulfilled", ({ code }) => state = code);
    await this.clock.advance(0);
    return state;
  }

  /** An actor that keeps what it hears. */
  listener<M>(name = "listener"): { ref: ActorRef<M>; heard: M[] } {
    const heard: M[] = [];
    const ref = this.system.spawn(
      Behaviors.receive<M>((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      }),
      name,
    );
    return { ref, heard };
  }

  /** Ledger and actors, when everything has come to rest. */
  async assertAtRest(...paths: string[]): Promise<void> {
    await this.clock.advance(0);
    const { sent, delivered, deadLetters, inFlight } = this.system.ledger.snapshot();
    const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
    assertEquals(sent, delivered + lost + inFlight);
    for (let i = 1; i <= 50; i++) {
      assertEquals(this.system.lookup(`/_stream-${i}`), undefined, `/_stream-${i} is left over`);
    }
    for (const path of paths) assertEquals(this.system.lookup(path), undefined, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resolve(this.system.shutdown());
    await this.assertAtRest();
    assertEquals(this.clock.pending, 0, "a timer is left over");
  }
}

/** The numbers from 1 to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Reads all. */
export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(source);
}
