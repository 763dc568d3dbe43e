import type { MessageSender } from "../actor/ref/message_sender.ts";
import { checkOptions, checkValue, resolveOptions } from "../options/check_options.ts";
import { askTable, spawnTable, timerInterval } from "../options/tables/actor_tables.ts";
import { checkActorName } from "../actor/ref/actor_name.ts";
import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { AskOptions, LiteralOf } from "../actor/behavior/ask_options.ts";
import type { ReplyOf } from "../actor/behavior/reply_of.ts";
import { pipeMapping } from "../actor/behavior/pipe_mapping.ts";
import type { StatusValue } from "../actor/behavior/status_reply.ts";
import { statusValue } from "../actor/ask/status_value.ts";
import { Behavior } from "../actor/behavior/behavior.ts";
import { duplicateName } from "../actor/ref/actor_name.ts";
import { notABehavior } from "../actor/behavior/behavior.ts";
import type { ActorContext, ActorLog, Stash } from "../actor/behavior/context.ts";
import { ActorError } from "../actor/errors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { SpawnOptions } from "../actor/behavior/spawn_options.ts";
import { StashBuffer } from "../actor/cell/stash.ts";
import type { LogFields, LogLevel } from "../runtime/logger.ts";
import type { Effect } from "./effect.ts";
import type { RecordedLog } from "./recorded_log.ts";
import { sameValue } from "./same_value.ts";
import { InboxRef, TestInbox } from "./test_inbox.ts";
import { TestAsk } from "./test_ask.ts";
import { TestTimers } from "./test_timers.ts";

/** Dependencies of the context on its kit. */
export interface TestContextOwner {
  readonly name: string;
  readonly log: RecordedLog;
  readonly stashCapacity: number;
  readonly entityId: string;
  readonly epoch: number;
  readonly deadline: number | undefined;
  /** Created on first access. */
  readonly system: ActorSystem;
  /** Whether the behaviour has stopped, or is about to. */
  readonly ended: boolean;
  record(effect: Effect): void;
  /** Handles messages next. */
  unstash(messages: readonly unknown[]): void;
}

/** A watched actor. */
interface Watch {
  readonly ref: ActorRef<never>;
  /** A list of one, since any value can be a message; empty if the signal is wanted. */
  readonly message: readonly unknown[];
}

/** The context of a behaviour under test: operations are recorded, and have no other effect. */
export class TestContext implements ActorContext<unknown> {
  readonly inbox: TestInbox<unknown>;
  readonly timers: TestTimers;
  readonly log: ActorLog;
  readonly stash: Stash<unknown>;
  /** The message of the receive timeout, as a list of one; empty if there is none. */
  receiveTimeout: readonly unknown[] = [];
  /** All children ever spawned; a name may be reused. */
  readonly inboxes = new Map<string, TestInbox<never>>();
  readonly #owner: TestContextOwner;
  readonly #stash: StashBuffer;
  readonly #children = new Map<string, ActorRef<never>>();
  readonly #adapters = new Map<unknown, InboxRef>();
  readonly #asks = new WeakMap<PromiseLike<unknown>, TestAsk<never>>();
  #watched: Watch[] = [];
  #numbered = 0;

  /** Made by the kit, once. */
  constructor(owner: TestContextOwner) {
    this.#owner = owner;
    this.inbox = new TestInbox(checkActorName(owner.name));
    const { path } = this.self;
    const checkAlive = (what: string) => this.#checkAlive(what);
    const record = (effect: Effect) => owner.record(effect);
    this.timers = new TestTimers(checkAlive, record);
    const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
      owner.log.log(level, path, message, fields);
    this.log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
    this.#stash = new StashBuffer({
      path,
      get ended() {
        return owner.ended;
      },
      attribute: (message) => message,
      onStashed: () => {},
      unstash: (messages) => {
        owner.record({ type: "unstashed", messages });
        owner.unstash(messages);
      },
    }, owner.stashCapacity);
    this.stash = recordedStash(this.#stash, record);
  }

  get entityId(): string {
    return this.#owner.entityId;
  }

  get epoch(): number {
    return this.#owner.epoch;
  }

  get sender(): MessageSender | undefined {
    return undefined;
  }

  get deadline(): number | undefined {
    return this.#owner.deadline;
  }

  passivate(): void {
    this.#owner.record({ type: "passivated" });
  }

  get self(): ActorRef<unknown> {
    return this.inbox.ref;
  }

  get system(): ActorSystem {
    return this.#owner.system;
  }

  get children(): readonly ActorRef<never>[] {
    return [...this.#children.values()];
  }

  spawn<C>(behavior: Behavior<C>, name?: string, options: SpawnOptions = {}): ActorRef<C> {
    this.#checkAlive("can have no children");
    const { path } = this.self;
    checkOptions(spawnTable, options);
    const chosen = name === undefined ? this.#freeName() : checkActorName(name);
    if (this.#children.has(chosen)) throw duplicateName(`${path}/${chosen}`);
    checkFirst(`${path}/${chosen}`, behavior);
    const inbox = new TestInbox<never>(`${path.slice(1)}/${chosen}`);
    this.inboxes.set(chosen, inbox);
    const ref = inbox.ref as ActorRef<unknown>;
    this.#children.set(chosen, ref);
    const type = name === undefined ? "spawnedAnonymous" : "spawned";
    this.#owner.record({ type, name: chosen, behavior, options, ref });
    return ref;
  }

  stop(child: ActorRef<never>): void {
    for (const [name, ref] of this.#children) {
      if (ref !== child) continue;
      this.#children.delete(name);
      return this.#owner.record({ type: "stopped", child });
    }
    // One that has stopped already is a child still, until another actor gets its name.
    if ([...this.inboxes.values()].some(({ ref }) => ref === child)) return;
    throw new ActorError("notAChild", `${child.path} is not a child of ${this.self.path}`, {
      value: child.path,
      remedy: "send it a message that makes it stop",
    });
  }

  watch(ref: ActorRef<never>): void {
    this.#watch({ ref, message: [] });
    this.#owner.record({ type: "watched", ref });
  }

  watchWith(ref: ActorRef<never>, message: unknown): void {
    this.#watch({ ref, message: [message] });
    this.#owner.record({ type: "watchedWith", ref, message });
  }

  unwatch(ref: ActorRef<never>): void {
    this.takeWatch(ref);
    this.#owner.record({ type: "unwatched", ref });
  }

  ask<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options: AskOptions = {},
  ): Promise<ReplyOf<T, R, Q>> {
    return this.#ask(ref, factory as (replyTo: ActorRef<R>) => T, options);
  }

  askStatus<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options: AskOptions = {},
  ): Promise<StatusValue<ReplyOf<T, R, Q>>> {
    const accept = (reply: unknown) => statusValue(reply, String(ref));
    return this.#ask(ref, factory as (replyTo: ActorRef<R>) => T, options, accept);
  }

  #ask<T, R, V>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => T,
    options: AskOptions,
    accept?: (reply: unknown) => unknown,
  ): Promise<V> {
    let ask: TestAsk<T>;
    try {
      const { timeout, signal } = resolveOptions(askTable, options);
      ask = new TestAsk(ref, factory, timeout, signal, accept);
    } catch (error) {
      return Promise.reject(error);
    }
    const promise = ask.promise as Promise<V>;
    this.#asks.set(promise, ask as unknown as TestAsk<never>);
    this.#owner.record(ask);
    if (!ask.answered) ref.tell(ask.message);
    return promise;
  }

  pipeToSelf<T>(
    promise: PromiseLike<T>,
    onFulfilled?: (value: T) => unknown,
    onRejected?: (reason: unknown) => unknown,
  ): void {
    this.#owner.record({ type: "piped", promise });
    const tell = (value: unknown, make: (value: unknown) => unknown) => {
      let message: unknown;
      try {
        message = make(value);
      } catch (error) {
        return this.log.error("actor failed: a mapping of pipeToSelf has thrown", { error });
      }
      this.self.tell(message);
    };
    const onValue = (value: unknown) =>
      tell(
        value,
        onFulfilled === undefined ? (same) => same : pipeMapping(onFulfilled, onRejected),
      );
    const onError = (reason: unknown) =>
      onRejected === undefined
        ? this.log.warn("pipeToSelf failed", { error: reason })
        : tell(reason, onRejected);
    const ask = this.#asks.get(promise);
    if (ask !== undefined) ask.whenAnswered(onValue, onError);
    else Promise.resolve(promise).then(onValue, onError);
  }

  messageAdapter<F>(map: (message: F) => unknown): ActorRef<F> {
    this.#checkAlive("can have no message adapter");
    const known = this.#adapters.get(map);
    if (known !== undefined) return known;
    const ref = new InboxRef(
      `${this.self.path}/_adapter-${++this.#numbered}`,
      (message) => this.self.tell(map(message as F)),
    );
    this.#adapters.set(map, ref);
    this.#owner.record({ type: "messageAdapterMade", ref, map });
    return ref;
  }

  setReceiveTimeout(timeout: number, message: unknown): void {
    this.#checkAlive("can have no receive timeout");
    checkValue("timeout", timerInterval, timeout);
    this.receiveTimeout = [message];
    this.#owner.record({ type: "receiveTimeoutSet", timeout, message });
  }

  cancelReceiveTimeout(): void {
    this.receiveTimeout = [];
    this.#owner.record({ type: "receiveTimeoutCancelled" });
  }

  /** Whether and how an actor is watched; it is no longer then. */
  takeWatch(ref: ActorRef<never>): Watch | undefined {
    const watch = this.#watched.find((other) => sameValue(other.ref, ref));
    this.#watched = this.#watched.filter((other) => other !== watch);
    return watch;
  }

  /** Cancels everything that the behaviour has started; on a restart, unstashes its messages. */
  dismantle(how: "stop" | "restart"): void {
    this.timers.clear();
    this.receiveTimeout = [];
    const stashed = this.#stash.takeAll();
    if (how === "restart") {
      this.#owner.unstash(stashed);
      this.#adapters.clear();
      this.#watched = [];
    }
    this.#children.clear();
  }

  #watch(watch: Watch): void {
    this.takeWatch(watch.ref);
    if (!this.#owner.ended) this.#watched.push(watch);
  }

  #freeName(): string {
    let name: string;
    do name = `$${++this.#numbered}`; while (this.#children.has(name));
    return name;
  }

  #checkAlive(what: string): void {
    if (!this.#owner.ended) return;
    const { path } = this.self;
    throw new ActorError("actorStopped", `${path} has stopped and ${what}`, { value: path });
  }
}

/**
 * Rejects a behaviour that no actor can start with.
 *
 * @throws {ActorError} code `badBehavior`.
 */
export function checkFirst(path: string, behavior: unknown): void {
  if (behavior instanceof Behavior) {
    if (["receive", "setup", "wrapped", "stopped"].includes(behavior.kind)) return;
  }
  throw notABehavior(path, behavior);
}

function recordedStash(stash: StashBuffer, record: (effect: Effect) => void): Stash<unknown> {
  return {
    get size() {
      return stash.size;
    },
    capacity: stash.capacity,
    add(message) {
      stash.add(message);
      record({ type: "stashed", message });
    },
    unstashAll: () => stash.unstashAll(),
  };
}
