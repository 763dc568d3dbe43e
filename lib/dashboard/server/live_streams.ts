/**
 * Streams of server-sent events (the standard of WHATWG): each viewer gets its views whenever they have
 * changed.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";

/** Milliseconds between two looks at a view. */
const interval = 1_000;
/** After so many looks without a change a comment shows that the stream is alive. */
const quietLooks = 15;
/** Streams at a time, of one identity. */
export const maxStreamsPerIdentity = 12;
/** Streams at a time. */
export const maxStreams = 48;
/** Bytes that may wait for a viewer; one that is slower is cut. */
const maxBacklog = 4 * 1024 * 1024;

/** A view that a stream shows. */
export interface LiveView {
  /** Name of its events. */
  readonly event: string;
  /** Views with the same key are made once for all streams. */
  readonly key: string;
  /** Makes it: JSON, or a promise of it. */
  make(): unknown;
}

interface Stream {
  readonly identity: string;
  readonly views: readonly LiveView[];
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** What was sent last, by event. */
  readonly last: Map<string, string>;
  quiet: number;
}

/** See the module's text. */
export class LiveStreams {
  readonly #clock: Clock;
  readonly #encoder = new TextEncoder();
  readonly #streams = new Set<Stream>();
  /** Views that are being made, by key. */
  readonly #making = new Map<string, Promise<string>>();
  #timer: Timer | undefined;
  #closed = false;

  /** `clock` paces the looks. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many run. */
  get size(): number {
    return this.#streams.size;
  }

  /** A stream of views, or undefined if there are too many. */
  open(identity: string, views: readonly LiveView[]): ReadableStream<Uint8Array> | undefined {
    if (this.#closed || this.#streams.size >= maxStreams) return undefined;
    const own = [...this.#streams].filter((stream) => stream.identity === identity).length;
    if (own >= maxStreamsPerIdentity) return undefined;
    let stream: Stream | undefined;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        stream = { identity, views, controller, last: new Map(), quiet: 0 };
        this.#streams.add(stream);
        this.#send(stream, "retry: 2000\n\n");
        this.#look(stream);
        this.#schedule();
      },
      cancel: () => this.#drop(stream!),
    }, new ByteLengthQueuingStrategy({ highWaterMark: maxBacklog }));
  }

  /** Ends all streams. */
  close(): void {
    this.#closed = true;
    for (const stream of [...this.#streams]) {
      this.#drop(stream);
      try {
        stream.controller.close();
      } catch {
        // The viewer has gone.
      }
    }
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#streams.size === 0) return;
    this.#timer = this.#clock.schedule(interval, () => {
      this.#timer = undefined;
      for (const stream of [...this.#streams]) this.#look(stream);
      this.#schedule();
    });
    this.#timer.unref?.();
  }

  #look(stream: Stream): void {
    if (++stream.quiet > quietLooks) this.#send(stream, ": alive\n\n");
    for (const view of stream.views) {
      void this.#made(view).then((text) => {
        if (!this.#streams.has(stream) || text === stream.last.get(view.event)) return;
        stream.last.set(view.event, text);
        this.#send(stream, `event: ${view.event}\ndata: ${text}\n\n`);
      });
    }
  }

  /** One line: JSON has no line breaks of its own. */
  #made({ key, make }: LiveView): Promise<string> {
    let making = this.#making.get(key);
    if (making === undefined) {
      making = madeText(make).finally(() => this.#making.delete(key));
      this.#making.set(key, making);
    }
    return making;
  }

  #send(stream: Stream, text: string): void {
    stream.quiet = 0;
    try {
      stream.controller.enqueue(this.#encoder.encode(text));
      if ((stream.controller.desiredSize ?? 0) >= 0) return;
      stream.controller.error(new Error("the viewer is too slow"));
    } catch {
      // The viewer has gone.
    }
    this.#drop(stream);
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

async function madeText(make: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await make() ?? null);
  } catch (error) {
    return JSON.stringify({ failed: error instanceof Error ? error.message : String(error) });
  }
}
