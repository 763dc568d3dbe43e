import type { Subject } from "./subject.ts";

/** Messages per second of one pattern, once. */
export type MessageFigure = (subject: Subject) => Promise<number>;

interface Add {
  readonly type: "add";
  readonly amount: number;
}

const one: Add = { type: "add", amount: 1 };

/** Resolves with messages per second when `total` messages were counted. */
function counting(total: number): { count: () => void; rate: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const begin = performance.now();
  let left = total;
  return {
    count: () => {
      if (--left === 0) resolve(total / ((performance.now() - begin) / 1_000));
    },
    rate: promise,
  };
}

/** One producer, one actor, bursts of 1,000; the next burst when the last has been handled. */
export const flood: MessageFigure = async (subject) => {
  const bursts = 2_000;
  let left = 0;
  let handled = () => {};
  const sink = subject.actor<Add>(() => {
    if (--left === 0) handled();
  });
  const begin = performance.now();
  for (let burst = 0; burst < bursts; burst++) {
    left = 1_000;
    for (let i = 0; i < 1_000; i++) sink.tell(one);
    await new Promise<void>((resolve) => handled = resolve);
  }
  return bursts * 1_000 / ((performance.now() - begin) / 1_000);
};

/** A million messages before the first is handled. */
export const burst: MessageFigure = (subject) => {
  const total = 1_000_000;
  const { count, rate } = counting(total);
  const sink = subject.actor<Add>(count);
  for (let i = 0; i < total; i++) sink.tell(one);
  return rate;
};

/** Two actors, one message between them. */
export const pingPong: MessageFigure = (subject) => {
  const total = 2_000_000;
  const { count, rate } = counting(total);
  const ping = subject.actor<number>((left) => {
    count();
    if (left > 0) pong.tell(left - 1);
  });
  const pong = subject.actor<number>((left) => {
    count();
    if (left > 0) ping.tell(left - 1);
  });
  ping.tell(total - 1);
  return rate;
};

/** A thousand actors in a circle, ten messages going round. */
export const ring: MessageFigure = (subject) => {
  const total = 2_000_000;
  const tokens = 10;
  const { count, rate } = counting(total);
  const actors: { tell(left: number): void }[] = [];
  for (let i = 0; i < 1_000; i++) {
    actors.push(subject.actor<number>((left) => {
      count();
      if (left > 0) actors[i === 999 ? 0 : i + 1]!.tell(left - 1);
    }));
  }
  for (let i = 0; i < tokens; i++) actors[i * 100]!.tell(total / tokens - 1);
  return rate;
};

/** One message to each of 10,000 actors, again and again. */
export const fanOut: MessageFigure = async (subject) => {
  const rounds = 200;
  const actors = 10_000;
  let counter = () => {};
  const sinks = Array.from({ length: actors }, () => subject.actor<Add>(() => counter()));
  // All started: spawning is a figure of its own.
  const warm = counting(actors);
  counter = warm.count;
  for (const sink of sinks) sink.tell(one);
  await warm.rate;
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const { count, rate } = counting(actors);
    counter = count;
    for (const sink of sinks) sink.tell(one);
    await rate;
  }
  return rounds * actors / ((performance.now() - begin) / 1_000);
};
