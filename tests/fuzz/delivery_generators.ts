import type {
  ConsumerAnswer,
  ConsumerMessage,
  Deliver,
  SetConsumer,
} from "../../lib/delivery/protocol.ts";
import type { LimitAnswer, LimiterMessage } from "../../lib/delivery/rate_limit/protocol.ts";
import { atPath, type Generator, type Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";

/** The type of the limiters, and a key of the lab. */
export const limiterType = "casty-rate-limits";
export const limiterKey = "mails";

/** The message of one type, without the type. */
type Fields<M, T> = Omit<Extract<M, { readonly type: T }>, "type">;

const stream = (d: Draws) => d.chance(0.8) ? `stream${d.int(6)}` : d.text();
const positive = (d: Draws) => Math.max(1, d.count(d.int(9)));
const total = (d: Draws) => d.count(d.int(20));
/** Typed as what it claims to be. */
const ref = (d: Draws) => d.ref() as never;

type ToConsumer = ConsumerMessage<unknown>;

/** To actors that may be consumer or producer controllers. */
const controllers: Generators = atPath("Reliable delivery", (d) => d.path(), {
  deliveryOpen: (d): Fields<ToConsumer, "deliveryOpen"> => ({
    stream: stream(d),
    session: positive(d),
    from: positive(d),
    ...d.maybe("incarnation", () => d.one(["", d.text()])),
    producer: ref(d),
  }),
  deliveryMessage: (d): Fields<ToConsumer, "deliveryMessage"> => ({
    stream: stream(d),
    session: positive(d),
    number: positive(d),
    ticket: positive(d),
    again: d.chance(0.5),
    last: d.chance(0.5),
    ...(d.chance(0.7)
      ? { message: d.value() }
      : { chunk: d.bytes(d.int(60)), left: d.one([0, 1, 2, d.count(3)]) }),
    producer: ref(d),
  }),
  deliveryClose: (d): Fields<ToConsumer, "deliveryClose"> => ({ stream: stream(d) }),
  deliveryDemand: (d): Fields<ConsumerAnswer, "deliveryDemand"> => ({
    stream: stream(d),
    session: positive(d),
    through: total(d),
    upTo: total(d),
    again: d.chance(0.5),
  }),
  deliveryUnknown: (d): Fields<ConsumerAnswer, "deliveryUnknown"> => ({
    stream: stream(d),
    session: positive(d),
    ...d.maybe("incarnation", () => d.one(["", d.text()])),
  }),
  deliveryFailed: (d): Fields<ConsumerAnswer, "deliveryFailed"> => ({
    stream: stream(d),
    session: positive(d),
    number: positive(d),
  }),
  deliver: (d): Omit<Deliver<unknown>, "type"> => ({
    message: d.value(),
    ...d.maybe("entityId", () => d.entity()),
    ...d.maybe("acceptedTo", () => ref(d)),
    ...d.maybe("confirmedTo", () => ref(d)),
  }),
  setConsumer: (d): Omit<SetConsumer<unknown>, "type"> => ({ consumer: ref(d) }),
});

const permit = (d: Draws) => d.chance(0.8) ? `permit-${d.int(40)}` : d.text();

/** Sends a message of a limiter through its region. */
function toLimiter<T extends LimiterMessage["type"]>(
  type: T,
  make: (d: Draws) => Fields<LimiterMessage, T>,
): Generators {
  const generator: Generator = {
    path: `/_region-${limiterType}`,
    make: (d) => [
      d.chance(0.7) ? limiterKey : d.entity(),
      { type, ...make(d) },
      d.epoch(),
    ],
  };
  return { [`Limits of rate and concurrency/${type}`]: generator };
}

/** Between holders of permits and limiters. */
const limits: Generators = {
  ...toLimiter("limitAcquire", (d) => ({
    id: permit(d),
    ...d.maybe("perSecond", () => d.one([0.01, 1, 1_000, 100_000, d.number()])),
    ...d.maybe("concurrency", () => d.one([1, 100, 10_000, d.number()])),
    replyTo: ref(d),
  })),
  ...toLimiter("limitStarted", (d) => ({ id: permit(d) })),
  ...toLimiter("limitRenew", (d) => ({ id: permit(d), replyTo: ref(d) })),
  ...toLimiter("limitEnd", (d) => ({ id: permit(d), used: d.chance(0.5) })),
  ...toLimiter("limitHandOver", (d) => ({
    epoch: d.epoch(),
    state: {
      known: d.int(5_000),
      uses: d.list(3, () => d.int(5_000)),
      open: d.list(3, () => [permit(d), d.int(1_000)] as const),
      slots: d.list(3, () => [permit(d), d.int(5_000)] as const),
    },
  })),
  ...atPath("Limits of rate and concurrency", (d) => d.path(), {
    limitGranted: (): Fields<LimitAnswer, "limitGranted"> => ({}),
    limitRefused: (d): Fields<LimitAnswer, "limitRefused"> => ({
      reason: d.one(["rate", "concurrency", "takeover"]),
      retryAfter: d.number(),
    }),
    limitRenewed: (): Fields<LimitAnswer, "limitRenewed"> => ({}),
    limitLost: (): Fields<LimitAnswer, "limitLost"> => ({}),
  }),
};

/** Messages of reliable delivery and of limits. */
export const delivering: Generators = { ...controllers, ...limits };
