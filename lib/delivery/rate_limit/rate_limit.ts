import type { ActorRef } from "../../actor/ref/ref.ts";
import type { LocalRuntime } from "../../actor/behavior/local_system.ts";
import { AskError, AskTimeoutError } from "../../actor/errors.ts";
import type { ClientPolicy } from "../../actor/services/client_policy.ts";
import { checkOptions, resolveOptions } from "../../options/check_options.ts";
import { refusedOption } from "../../options/explain.ts";
import { rateLimitersTable, rateLimitTable } from "../../options/tables/delivery_tables.ts";
import type { Clock } from "../../runtime/clock.ts";
import { randomId } from "../../runtime/random.ts";
import { rules } from "../../runtime/rules.ts";
import type { ClusterAccess } from "../../sharding/routing/cluster_access.ts";
import type { EntityRef } from "../../sharding/routing/entity_ref.ts";
import { entityType } from "../../sharding/routing/entity_type.ts";
import { sharded, type ShardedBehavior } from "../../sharding/sharded_behavior.ts";
import { Elapsed } from "./elapsed.ts";
import { RateLimitError } from "./errors.ts";
import { longestMemory, permitTime, renewInterval } from "./limit_timing.ts";
import { limiterEntity } from "./limiter_entity.ts";
import { type Permit, Slot, unlimitedPermit } from "./permit.ts";
import type { LimitAnswer, LimiterMessage, LimitValues } from "./protocol.ts";

const Limiters = entityType<LimiterMessage>("casty-rate-limits", { numShards: 64 });

/** Milliseconds before another try, at least. */
const minPause = 20;

/** Where limiters run, and for whom. The same on all nodes. */
export interface RateLimitersOptions {
  /** Only nodes with this role run limiters. Default: all nodes that spawn them. */
  readonly role?: string;
  /**
   * Which clients may use limits, by the identities in their certificates. Any of them can use up what
   * others share, under every key. Default: all clients.
   */
  readonly clients?: ClientPolicy;
}

/**
 * The limiters of the cluster, one for each key. Spawn them, without a name, on the nodes that are to run
 * them: `system.spawn(rateLimiters())`.
 *
 * @throws {OptionError}
 */
export function rateLimiters(options: RateLimitersOptions = {}): ShardedBehavior<LimiterMessage> {
  checkOptions(rateLimitersTable, options);
  const { clients = () => true, ...rest } = options;
  return sharded(Limiters, limiterEntity, {
    ...rest,
    // Only a node may say what a limiter knew.
    clients: (client) => clients(client) === true && "read",
    reads: (message) => (message as LimiterMessage).type !== "limitHandOver",
  });
}

/** What is limited, and how. At least one of `perSecond` and `concurrency` is required. */
export interface RateLimitOptions extends LimitValues {
  /** Names what is limited, in the whole cluster: 1 to 512 characters. */
  readonly key: string;
  /**
   * Starts in any second, whichever second that is: a whole number from 1 to 100 000; or from 0.01 to 1, one
   * in `1 / perSecond` seconds. Default: no limit.
   */
  readonly perSecond?: number;
  /** How much of the work may run at once, 1 to 10 000. Default: no limit. */
  readonly concurrency?: number;
  /** Milliseconds that work waits for its turn before it is refused. Default 0. */
  readonly wait?: number;
}

/** Guards work by limits that hold in the whole cluster. */
export interface RateLimit {
  /**
   * Starts the work when the limits allow it, and resolves with its result.
   *
   * @throws {RateLimitError} the work was not started, or has lost its slot.
   */
  run<R>(work: (permit: Permit) => R | PromiseLike<R>): Promise<R>;
}

/** A node or a client. */
export type RateLimitAccess =
  & ClusterAccess
  & ({ readonly runtime: LocalRuntime } | { readonly system: { readonly runtime: LocalRuntime } });

/**
 * Limits how often work starts, and how much of it runs at once, under one key in the whole cluster: from
 * nodes and clients. The limits are never exceeded, also while nodes crash, are cut off or stand still; the
 * price is that a key whose limiter has moved after a failure allows nothing for about 2 seconds, with a
 * limit of concurrency for about 5. One that moves in order tells its successor what it knows.
 *
 * What counts is when and where the work runs: what it sends may be under way for longer, and bunch up. Guard
 * what has to be protected where it is called. Callers with different limits for one key each keep their
 * own.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 * import { rateLimit, RateLimitError, rateLimiters } from "@casty/casty/delivery";
 *
 * await using node = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * node.spawn(rateLimiters());
 *
 * const mails = rateLimit(node, { key: "mails", perSecond: 2, wait: 10_000 });
 * await mails.run(() => "sent");
 * await mails.run(() => "sent");
 * const hurried = rateLimit(node, { key: "mails", perSecond: 2 });
 * const refusal = await hurried.run(() => "sent").catch((error) => error);
 * console.assert(refusal instanceof RateLimitError && refusal.code === "rateLimited");
 * console.assert(refusal.retryAfter <= 1_100);
 * ```
 *
 * @throws {OptionError}
 */
export function rateLimit(cluster: RateLimitAccess, options: RateLimitOptions): RateLimit {
  const { wait, perSecond, concurrency, key } = resolveOptions(rateLimitTable, options);
  if (perSecond === undefined && concurrency === undefined) {
    throw refusedOption("rateLimit", options, "give perSecond, concurrency or both");
  }
  if (perSecond !== undefined && perSecond > 1 && !Number.isInteger(perSecond)) {
    throw refusedOption("rateLimit: perSecond", perSecond, "use a whole number, or one below 1");
  }
  if (typeof cluster?.entity !== "function") {
    throw refusedOption(
      "rateLimit: cluster",
      cluster,
      "use a ClusteredActorSystem or a ClusterClient",
    );
  }
  const { clock, random } = "runtime" in cluster ? cluster.runtime : cluster.system.runtime;
  const limits: LimitValues = {
    ...(perSecond !== undefined && { perSecond }),
    ...(concurrency !== undefined && { concurrency }),
  };
  return new Guard(cluster.entity(Limiters, key), key, limits, wait, {
    clock,
    newId: () => randomId(random),
    random: () => random.next(),
  });
}

/** Time and chance. */
interface GuardRuntime {
  readonly clock: Clock;
  newId(): string;
  random(): number;
}

class Guard implements RateLimit {
  readonly #limiter: EntityRef<LimiterMessage>;
  readonly #key: string;
  readonly #limits: LimitValues;
  readonly #wait: number;
  readonly #runtime: GuardRuntime;

  constructor(
    limiter: EntityRef<LimiterMessage>,
    key: string,
    limits: LimitValues,
    wait: number,
    runtime: GuardRuntime,
  ) {
    this.#limiter = limiter;
    this.#key = key;
    this.#limits = limits;
    this.#wait = wait;
    this.#runtime = runtime;
  }

  async run<R>(work: (permit: Permit) => R | PromiseLike<R>): Promise<R> {
    const { clock } = this.#runtime;
    const waited = new Elapsed(clock);
    for (;;) {
      const id = this.#runtime.newId();
      const held = new Elapsed(clock);
      const refusal = await this.#acquire(id);
      // From here to the start of the work nothing is awaited.
      if (refusal === undefined) {
        if (held.time < permitTime || !rules.latePermitsAreNotUsed) {
          return await this.#start(id, held, work);
        }
        this.#limiter.tell({ type: "limitEnd", id, used: false });
      }
      const least = Math.max(minPause, refusal?.retryAfter ?? 0);
      const pause = least * (1 + 0.2 * this.#runtime.random());
      const late = refusal ?? tooLate(this.#key);
      if (waited.time + pause > this.#wait) throw late;
      await new Promise<void>((resolve) => void clock.schedule(pause, resolve));
    }
  }

  /** Undefined: there is a permit. */
  async #acquire(id: string): Promise<RateLimitError | undefined> {
    let answer: LimitAnswer;
    try {
      answer = await this.#limiter.ask(
        (replyTo: ActorRef<LimitAnswer>) => ({
          type: "limitAcquire",
          id,
          ...this.#limits,
          replyTo,
        }),
        { timeout: permitTime },
      );
    } catch (error) {
      if (!(error instanceof AskError || error instanceof AskTimeoutError)) throw error;
      // It may have been granted.
      this.#limiter.tell({ type: "limitEnd", id, used: false });
      return unavailable(this.#key, error);
    }
    if (answer.type === "limitGranted") return undefined;
    return refused(this.#key, answer);
  }

  async #start<R>(
    id: string,
    held: Elapsed,
    work: (permit: Permit) => R | PromiseLike<R>,
  ): Promise<R> {
    const limiter = this.#limiter;
    if (this.#limits.concurrency === undefined) {
      limiter.tell({ type: "limitStarted", id });
      return await work(unlimitedPermit);
    }
    const slot = new Slot(this.#key, this.#runtime.clock, held, () =>
      limiter.ask(
        (replyTo: ActorRef<LimitAnswer>) => ({ type: "limitRenew", id, replyTo }),
        { timeout: renewInterval },
      ));
    if (this.#limits.perSecond !== undefined) limiter.tell({ type: "limitStarted", id });
    try {
      return await untilLost(slot, work);
    } finally {
      slot.end();
      limiter.tell({ type: "limitEnd", id, used: true });
    }
  }
}

/** The result of work, or the loss of its slot. */
async function untilLost<R>(slot: Slot, work: (permit: Permit) => R | PromiseLike<R>): Promise<R> {
  const { promise: lost, reject } = Promise.withResolvers<never>();
  const { signal } = slot;
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  // Nobody need listen to it if the work ends first.
  lost.catch(() => {});
  try {
    return await Promise.race([work(slot), lost]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function refused(key: string, answer: LimitAnswer): RateLimitError {
  if (answer.type !== "limitRefused") return unavailable(key, undefined);
  const { reason, retryAfter } = answer;
  const after = retryAfter >= 0 && retryAfter <= longestMemory ? retryAfter : permitTime;
  const why = {
    rate: "as much was started as may be",
    concurrency: "as much runs as may",
    takeover: "its limiter has just started at its node, and an earlier one may have given permits",
  }[reason];
  const code = reason === "concurrency" ? "concurrencyLimited" : "rateLimited";
  return new RateLimitError(code, `"${key}" allows no start now: ${why}`, after, {
    value: key,
    remedy: `try again in ${after} ms, or give rateLimit a longer wait`,
  });
}

function unavailable(key: string, cause: unknown): RateLimitError {
  return new RateLimitError("limiterUnavailable", `the limiter of "${key}" does not answer`, 0, {
    value: key,
    cause,
    remedy: "spawn rateLimiters() on at least one node, and look at the cause",
  });
}

function tooLate(key: string): RateLimitError {
  const text = `the limiter of "${key}" answers later than its permits are valid`;
  return new RateLimitError("limiterUnavailable", text, 0, {
    value: key,
    remedy: "look for stalls of this process and for the latency to the node of the limiter",
  });
}
