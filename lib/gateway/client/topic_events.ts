import { backoffDelay } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { GatewayError } from "../errors.ts";
import { EventLines } from "./event_lines.ts";
import type { GatewayTopicEvent } from "./gateway_subscription.ts";

/** How a topic is read. */
export interface TopicSource {
  /** Asks for the stream, behind the event of that id; rejects for good with a `GatewayError`. */
  readonly open: (lastEventId: string | undefined, signal: AbortSignal) => Promise<Response>;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends it, and rejects with its reason. */
  readonly signal: AbortSignal | undefined;
}

/** Longer silence than between two signs of life of a gateway, milliseconds. */
const silence = 45_000;
const backoff = { min: 200, max: 5_000, jitter: [0.5, 1] } as const;

/**
 * The messages of a topic over any number of requests: each goes on behind the last event of the one
 * before. Reads only what is asked for, so that the gateway learns how fast its reader is. Ends with an
 * error that no other request would change.
 */
export async function* topicEvents<M>(
  { open, clock, random, signal }: TopicSource,
): AsyncGenerator<GatewayTopicEvent<M>, void, undefined> {
  let lastEventId: string | undefined;
  for (let failures = 0;; failures++) {
    signal?.throwIfAborted();
    const attempt = new AbortController();
    const abort = () => attempt.abort(signal!.reason);
    signal?.addEventListener("abort", abort);
    try {
      const lines = new EventLines();
      for await (const text of texts(await open(lastEventId, attempt.signal), clock, attempt)) {
        for (const { id, data } of lines.push(text)) {
          failures = 0;
          // Before it is passed on: its reader may end there.
          if (data !== "") yield eventOf<M>(data);
          if (id !== "") lastEventId = id;
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof GatewayError) throw error;
      // The connection was lost.
    } finally {
      signal?.removeEventListener("abort", abort);
      attempt.abort();
    }
    await pause(clock, backoffDelay(backoff, failures, random.next()), signal);
  }
}

/** The pieces of a body; a connection that is silent for too long is given up. */
async function* texts(
  response: Response,
  clock: Clock,
  attempt: AbortController,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  for (;;) {
    const timer = clock.schedule(silence, () => attempt.abort());
    let piece: { readonly done: boolean; readonly value?: Uint8Array | undefined };
    try {
      piece = await reader.read();
    } finally {
      timer.cancel();
    }
    if (piece.done) return;
    yield decoder.decode(piece.value, { stream: true });
  }
}

function eventOf<M>(data: string): GatewayTopicEvent<M> {
  let event: { readonly type?: unknown; readonly message?: unknown };
  try {
    event = JSON.parse(data);
  } catch (cause) {
    throw new GatewayError("badProtocol", "the stream of a topic has an event that is not JSON", {
      value: data.slice(0, 100),
      remedy: "check the url of the gateway, and the proxies before it",
      cause,
    });
  }
  if (event.type === "message" || event.type === "gap") return event as GatewayTopicEvent<M>;
  throw new GatewayError("unauthorized", `the subscription has ended: ${String(event.message)}`, {
    remedy: "ask whether the principal may still read the topic",
  });
}

function pause(clock: Clock, delay: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal?.removeEventListener("abort", done);
      timer.cancel();
      resolve();
    };
    const timer = clock.schedule(delay, done);
    signal?.addEventListener("abort", done);
  });
}
