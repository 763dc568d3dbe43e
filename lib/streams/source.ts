import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { StreamError } from "./errors.ts";
import type { ProducerMessage } from "./protocol.ts";
import { SourceReader, type SourceSettings } from "./source_reader.ts";

/** Implements `StreamSource`, where each method is documented. */
export class Source<T> implements AsyncDisposable {
  readonly #reader: SourceReader<T>;
  #read = false;
  #readable: ReadableStream<T> | undefined;

  constructor(
    system: ActorSystem,
    producer: ActorRef<ProducerMessage<T>>,
    settings: SourceSettings,
  ) {
    this.#reader = new SourceReader(system, producer, settings);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    this.#claim();
    return this.#reader;
  }

  get readable(): ReadableStream<T> {
    if (this.#readable === undefined) {
      this.#claim();
      this.#readable = readableOf(this.#reader);
    }
    return this.#readable;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#read = true;
    await this.#reader.return();
  }

  #claim(): void {
    if (this.#read) {
      throw new StreamError("streamTaken", "this source was read before", {
        remedy: "a stream has one consumer: read it once, and pass its elements on",
      });
    }
    this.#read = true;
  }
}

/** Asks only when it is read: elements wait in one place, within the demand. */
function readableOf<T>(reader: SourceReader<T>): ReadableStream<T> {
  return new ReadableStream<T>({
    pull: async (controller) => {
      const { done, value } = await reader.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void await reader.return(),
  }, { highWaterMark: 0 });
}
