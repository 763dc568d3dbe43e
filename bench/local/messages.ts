/**
 * Messages per second of several patterns. Each function takes the approximate number of messages.
 *
 * @module
 */
import { Countdown, perSecond } from "./counting.ts";
import { type Add, one, type Subject, type Target } from "./subject.ts";

/** Measures one pattern once. */
export type MessageFigure = (subject: Subject, messages: number) => Promise<number>;

/**
 * One producer, one actor, bursts of 1,000; the next burst starts when the previous was handled.
 */
export const flood: MessageFigure = async (subject, messages) => {
  const countdown = new Countdown();
  const sink = subject.actor<Add>(countdown.count);
  const bursts = Math.ceil(messages / 1_000);
  const begin = performance.now();
  for (let burst = 0; burst < bursts; burst++) {
    const handled = countdown.expect(1_000);
    for (let i = 0; i < 1_000; i++) sink.tell(one);
    await handled;
  }
  const rate = perSecond(bursts * 1_000, begin);
  await countdown.close();
  return rate;
};

/** Sends all messages before the first is handled. */
export const burst: MessageFigure = async (subject, messages) => {
  const countdown = new Countdown();
  const sink = subject.actor<Add>(countdown.count);
  const handled = countdown.expect(messages);
  const begin = performance.now();
  for (let i = 0; i < messages; i++) sink.tell(one);
  await handled;
  const rate = perSecond(messages, begin);
  await countdown.close();
  return rate;
};

/** Two actors, one message between them. */
export const pingPong: MessageFigure = (subject, messages) => circle(subject, messages, 2, 1);

/** A ring of a thousand actors with ten messages. */
export const ring: MessageFigure = (subject, messages) => circle(subject, messages, 1_000, 10);

async function circle(
  subject: Subject,
  messages: number,
  size: number,
  tokens: number,
): Promise<number> {
  const { count, handled, close } = expecting(messages);
  let toSend = messages - tokens;
  const actors: Target<Add>[] = [];
  for (let i = 0; i < size; i++) {
    const next = (i + 1) % size;
    actors.push(subject.actor<Add>((message) => {
      count();
      if (toSend > 0) {
        toSend--;
        actors[next]!.tell(message);
      }
    }));
  }
  const begin = performance.now();
  for (let i = 0; i < tokens; i++) actors[i * size / tokens]!.tell(one);
  await handled;
  const rate = perSecond(messages, begin);
  await close();
  return rate;
}

function expecting(messages: number) {
  const countdown = new Countdown();
  return {
    count: countdown.count,
    handled: countdown.expect(messages),
    close: () => countdown.close(),
  };
}

/** Repeatedly one message to each of 10,000 actors. */
export const fanOut: MessageFigure = async (subject, messages) => {
  const actors = 10_000;
  const rounds = Math.ceil(messages / actors);
  const countdown = new Countdown();
  const sinks = Array.from({ length: actors }, () => subject.actor<Add>(countdown.count));
  // All have started: spawning is measured separately.
  const warm = countdown.expect(actors);
  for (const sink of sinks) sink.tell(one);
  await warm;
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const handled = countdown.expect(actors);
    for (const sink of sinks) sink.tell(one);
    await handled;
  }
  const rate = perSecond(rounds * actors, begin);
  await countdown.close();
  return rate;
};
