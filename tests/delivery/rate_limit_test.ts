import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AskTimeoutError } from "../../lib/actor/errors.ts";
import {
  type LimitAnswer,
  type LimiterMessage,
  rateLimit,
  type RateLimitAccess,
  RateLimitError,
  type RateLimitOptions,
} from "../../lib/delivery/mod.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** A limiter that answers as it is told. */
class FakeLimiter {
  readonly clock = new ManualClock();
  readonly told: LimiterMessage[] = [];
  readonly asked: LimiterMessage[] = [];
  /** Milliseconds until an answer. */
  delay = 1;
  answer: (message: LimiterMessage) => LimitAnswer | undefined = () => ({ type: "limitGranted" });

  guard(options: Omit<RateLimitOptions, "key">) {
    const entity = {
      tell: (message: LimiterMessage) => void this.told.push(message),
      ask: (factory: (replyTo: never) => LimiterMessage, { timeout }: { timeout: number }) =>
        new Promise<LimitAnswer>((resolve, reject) => {
          const message = factory({ tell: () => {} } as never);
          this.asked.push(message);
          const answer = this.answer(message);
          const { clock } = this;
          if (answer !== undefined) clock.schedule(this.delay, () => resolve(answer));
          else clock.schedule(timeout, () => reject(new AskTimeoutError("no answer", timeout)));
        }),
    };
    const runtime = { clock: this.clock, random: new SeededRandom(1) };
    const cluster = { runtime, entity: () => entity } as unknown as RateLimitAccess;
    return rateLimit(cluster, { key: "key", ...options });
  }

  types(): string {
    return this.told.map((message) => message.type + ("used" in message ? message.used : ""))
      .join();
  }
}

const refusal = (reason: "rate" | "concurrency") =>
  ({ type: "limitRefused", reason, retryAfter: 250 }) as const;

Deno.test("work runs with a permit, and the limiter is told that it has started", async () => {
  const limiter = new FakeLimiter();
  const guard = limiter.guard({ perSecond: 5 });
  assertEquals(await limiter.clock.resolve(guard.run(() => 7)), 7);
  assertEquals(limiter.types(), "limitStarted");
});

Deno.test("a slot is given back when the work has ended, also when it has failed", async () => {
  const limiter = new FakeLimiter();
  const guard = limiter.guard({ concurrency: 2 });
  const failing = guard.run(() => Promise.reject(new RangeError("work")));
  await assertRejects(() => limiter.clock.resolve(failing), RangeError, "work");
  assertEquals(limiter.types(), "limitEndtrue");
  assertEquals(limiter.clock.pending, 0);
});

Deno.test("a refusal says when to try again, and is waited for if there is time", async () => {
  const limiter = new FakeLimiter();
  limiter.answer = () => refusal("rate");
  const run = (wait: number) =>
    limiter.clock.resolve(limiter.guard({ perSecond: 1, wait }).run(() => 1));
  const error = await assertRejects(() => run(0), RateLimitError);
  assertEquals([error.code, error.retryAfter], ["rateLimited", 250]);
  limiter.answer = () => refusal("concurrency");
  assertEquals((await assertRejects(() => run(0), RateLimitError)).code, "concurrencyLimited");
  let asks = 0;
  limiter.answer = () => ++asks < 3 ? refusal("rate") : { type: "limitGranted" };
  assertEquals(await run(1_000), 1);
  assertEquals(asks, 3);
});

Deno.test("a permit that arrives late is not used", async () => {
  const limiter = new FakeLimiter();
  limiter.delay = 1_100;
  let ran = false;
  const run = limiter.guard({ perSecond: 5 }).run(() => void (ran = true));
  const error = await assertRejects(() => limiter.clock.resolve(run), RateLimitError);
  assertEquals([error.code, ran, limiter.types()], ["limiterUnavailable", false, "limitEndfalse"]);
});

Deno.test("a permit that waited in a suspended machine is not used", async () => {
  const limiter = new FakeLimiter();
  const { clock } = limiter;
  const run = limiter.guard({ perSecond: 5 }).run(() => 1);
  const rejected = assertRejects(() => run, RateLimitError);
  // Its monotonic clock has stood still.
  const wallTime = clock.wallTime.bind(clock);
  clock.wallTime = () => wallTime() + 60_000;
  await clock.advance(1);
  assertEquals((await rejected).code, "limiterUnavailable");
});

Deno.test("a limiter that does not answer has perhaps granted: the permit is given back", async () => {
  const limiter = new FakeLimiter();
  limiter.answer = () => undefined;
  const run = limiter.guard({ concurrency: 1 }).run(() => 1);
  const error = await assertRejects(() => limiter.clock.resolve(run), RateLimitError);
  assertEquals([error.code, limiter.types()], ["limiterUnavailable", "limitEndfalse"]);
  assert(error.cause instanceof AskTimeoutError);
});

/** Starts work that lasts until it is told to stop. */
function startWork(limiter: FakeLimiter) {
  const seen: { signal?: AbortSignal; check?: () => void } = {};
  const run = limiter.guard({ concurrency: 1 }).run(({ signal, check }) => {
    seen.signal = signal;
    seen.check = check;
    return new Promise<never>(() => {});
  });
  return { seen, rejected: assertRejects(() => run, RateLimitError) };
}

Deno.test("work whose slot the limiter has given away ends", async () => {
  const limiter = new FakeLimiter();
  limiter.answer = ({ type }) => ({ type: type === "limitRenew" ? "limitLost" : "limitGranted" });
  const { seen, rejected } = startWork(limiter);
  await limiter.clock.advance(1_600);
  assertEquals(seen.signal?.aborted, true);
  assertEquals((await rejected).code, "slotLost");
  assertThrows(() => seen.check!(), RateLimitError);
  assertEquals(limiter.types(), "limitEndtrue");
});

Deno.test("work whose slot cannot be renewed ends before the limiter gives it to others", async () => {
  const limiter = new FakeLimiter();
  limiter.answer = ({ type }) => type === "limitRenew" ? undefined : { type: "limitGranted" };
  const { seen, rejected } = startWork(limiter);
  await limiter.clock.advance(4_900);
  assertEquals(seen.signal?.aborted, false);
  assert(limiter.asked.length >= 3, "it was tried again");
  await limiter.clock.advance(100);
  assertEquals(seen.signal?.aborted, true);
  assertEquals((await rejected).code, "slotLost");
});

Deno.test("a slot that is renewed lasts", async () => {
  const limiter = new FakeLimiter();
  limiter.answer = ({ type }) => ({
    type: type === "limitRenew" ? "limitRenewed" : "limitGranted",
  });
  const ended = Promise.withResolvers<string>();
  const run = limiter.guard({ concurrency: 1 }).run(() => ended.promise);
  await limiter.clock.advance(60_000);
  ended.resolve("done");
  assertEquals(await run, "done");
  assertEquals(limiter.asked.length, 1 + 39);
  await limiter.clock.advance(10_000);
  assertEquals(limiter.clock.pending, 0);
});

Deno.test("options of limits are checked", () => {
  const limiter = new FakeLimiter();
  assertThrows(() => limiter.guard({}), OptionError, "perSecond");
  assertThrows(() => limiter.guard({ perSecond: 1.5 }), OptionError, "whole");
  assertThrows(() => limiter.guard({ perSecond: 0 }), OptionError, "perSecond");
  assertThrows(() => limiter.guard({ concurrency: 0.5 }), OptionError, "concurrency");
});
