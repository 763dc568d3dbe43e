/**
 * How an actor begins, fails, begins again and ends. All of it lives here and not in handlers, so
 * that supervision, hooks and setups mean the same in whatever order they are nested.
 *
 * @module
 */
import { Behavior } from "../behavior/behavior.ts";
import type { Cell } from "./cell.ts";
import {
  ended,
  finishing,
  mustStop,
  noticed,
  pausing,
  restarting,
  scheduled,
  stopped,
  stopping,
  timed,
} from "./cell_status.ts";
import { ActorError } from "../errors.ts";
import { isThenable } from "./in_turn.ts";
import type { LifecycleHooks } from "../behavior/lifecycle_hooks.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { Signal } from "../behavior/signal.ts";
import { decide, RestartHistory, type Verdict } from "../behavior/supervision.ts";
import { inTurn, suspend } from "./suspension.ts";
import { type Wrapper, Wrappers } from "../behavior/wrapper.ts";

const postStop: Signal = { type: "postStop" };

/** An actor is on its way to a behaviour that handles messages. */
export interface Becoming {
  /** It starts, or starts again, or a handler has given a setup or something wrapped. */
  readonly how: "first" | "again" | "later";
  /** What was around a later behaviour. */
  readonly wrappers: Wrapper[];
  /** Setups and wrappers that were taken off. */
  levels: number;
}

/** Setups and wrappers within each other; more are taken for a circle. */
const maxLevels = 10_000;

/** Runs the first behaviour. */
export function begin(cell: Cell, how: "first" | "again"): void {
  cell.wrappers = Wrappers.none;
  cell.behavior = cell.initial;
  cell.host.step++;
  become(cell, cell.initial, { how, wrappers: [], levels: 0 });
}

/** Takes off wrappers and runs setups until a behaviour appears that handles messages. */
export function become(cell: Cell, behavior: Behavior<never>, becoming: Becoming): void {
  let next: unknown = behavior;
  try {
    while (next instanceof Behavior) {
      if (++becoming.levels > maxLevels) throw endless(cell.path);
      if (next.kind === "setup") next = next.onSetup!(cell.context as never);
      else if (next.kind === "wrapped") next = unwrap(cell, next, becoming);
      else break;
    }
  } catch (error) {
    return fail(cell, error);
  }
  if (!(next instanceof Behavior)) return suspend(cell, next, "setup", becoming);
  if (next.kind === "receive") return settle(cell, next, becoming);
  if (next.kind === "stopped") return beginStop(cell);
  if (next.kind === "same" && becoming.how === "later") return;
  fail(cell, notABehavior(cell.path, next));
}

/** Notes a wrapper; gives what is inside, later if a hook takes its time. */
function unwrap(cell: Cell, { wrapper, inner }: Behavior<never>, { how, wrappers }: Becoming) {
  if (how === "later") {
    wrappers.push(wrapper!);
    return inner;
  }
  const before = cell.wrappers;
  cell.wrappers = before.with(wrapper!);
  if (cell.wrappers === before || wrapper!.kind !== "lifecycle") return inner;
  const started: unknown = wrapper!.key.preStart?.(cell.context as never);
  return isThenable(started) ? Promise.resolve(started).then(() => inner) : inner;
}

/** The actor has a behaviour that handles messages. */
function settle(cell: Cell, behavior: Behavior<never>, { how, wrappers }: Becoming): void {
  if (wrappers.length > 0) cell.wrappers = cell.wrappers.withLater(wrappers);
  cell.behavior = cell.wrappers.around(behavior);
  const { ref, host: { eventStream } } = cell;
  if (how === "first" && eventStream.hears("actorStarted")) {
    eventStream.publish({ type: "actorStarted", ref });
  }
  if (how === "again") afterRestart(cell);
}

function afterRestart(cell: Cell): void {
  const { parts, ref, host: { eventStream } } = cell;
  const { cause } = parts.restart!;
  parts.restart = undefined;
  const tasks = hooksOf(cell).map((hooks) => () => hooks.postRestart?.(cell.context as never));
  const onError = (error: unknown) => {
    fail(cell, error);
    return false;
  };
  inTurn(cell, tasks, onError, () => {
    if (eventStream.hears("actorRestarted")) {
      eventStream.publish({ type: "actorRestarted", ref, cause });
    }
  });
}

/** A handler, a setup or a hook has thrown; or a child has, and leaves it to this actor. */
export function fail(cell: Cell, error: unknown, child?: ActorRef<never>): void {
  const { path, host } = cell;
  if ((cell.status & (ended | mustStop)) !== 0) {
    // It stops anyway: to begin again would rob it of its last signal.
    host.runtime.logger.log("error", path, "the actor failed while it stopped", { error });
    return beginStop(cell);
  }
  const { directive, delay } = judge(cell, error);
  const fields = child === undefined ? { error } : { error, escalatedBy: child.path };
  // While there is no behaviour there is nothing to go on with.
  if (directive === "resume" && cell.behavior.kind === "receive") {
    return host.runtime.logger.log("warn", path, "the actor failed and goes on", fields);
  }
  if (directive === "restart") {
    host.runtime.logger.log("warn", path, "the actor failed and begins again", {
      ...fields,
      ...(delay > 0 && { delay: Math.round(delay) }),
    });
    return beginRestart(cell, error, delay);
  }
  const escalated = directive === "escalate" && cell.parent !== undefined;
  host.runtime.logger.log(
    "error",
    path,
    escalated
      ? "the actor failed, stops, and leaves it to its parent"
      : "the actor failed and stops",
    fields,
  );
  cell.failure = { cause: error, escalated };
  beginStop(cell);
}

/** What the strategies around the actor say; a strategy that fails itself stops it. */
function judge(cell: Cell, error: unknown): Verdict {
  const { strategies } = cell.wrappers;
  if (strategies.length === 0) return { directive: "stop", delay: 0 };
  const { clock, random, logger } = cell.host.runtime;
  const history = cell.parts.restarts ??= new RestartHistory();
  try {
    return decide(strategies, error, history, clock.now(), random);
  } catch (deciderError) {
    logger.log("error", cell.path, "the decider of the supervision failed", {
      error: deciderError,
    });
    return { directive: "stop", delay: 0 };
  }
}

/** Tells the behaviour; then its children stop; then {@linkcode beginAgain}. */
export function beginRestart(cell: Cell, cause: unknown, delay: number): void {
  if ((cell.status & mustStop) !== 0) return beginStop(cell);
  cell.status |= restarting;
  cell.parts.restart = { cause, delay, timer: undefined };
  const tasks = [
    () => cell.behavior.onSignal?.(cell.context as never, { type: "preRestart", cause }),
    ...hooksOf(cell).reverse().map((hooks) => () =>
      hooks.preRestart?.(cell.context as never, cause)
    ),
  ];
  inTurn(cell, tasks, logOf(cell, "failed before a restart"), () => dismantle(cell));
}

/** Nothing of what the actor has begun reaches its next beginning. */
function dismantle(cell: Cell): void {
  const { parts } = cell;
  forget(cell);
  for (const child of parts.children?.values() ?? []) child.stop();
  cell.wake();
}

function forget(cell: Cell): void {
  const { parts } = cell;
  endSelfMade(cell);
  parts.adapters?.close();
  parts.adapters = undefined;
  parts.watch?.unwatchAll();
  parts.notices?.clear();
  if (parts.notices?.empty ?? true) cell.status &= ~noticed;
  parts.stash?.unstashAll();
  parts.questions = undefined;
}

/** All children have stopped. Waits, if it must, and runs the first behaviour. */
export function beginAgain(cell: Cell): void {
  const { parts, host } = cell;
  const restart = parts.restart!;
  if (restart.delay > 0 && restart.timer === undefined) {
    cell.status |= pausing;
    restart.timer = host.runtime.clock.schedule(restart.delay, () => {
      cell.status &= ~pausing;
      cell.wake();
    });
    return;
  }
  // A promise of the incarnation before may have begun something meanwhile.
  forget(cell);
  cell.closeContext();
  cell.status &= ~restarting;
  begin(cell, "again");
}

/** Children first; then {@linkcode finish}. */
export function beginStop(cell: Cell): void {
  if (cell.ended) return;
  const { host, path } = cell;
  cell.status = (cell.status & (scheduled | restarting)) | stopping;
  endSelfMade(cell);
  while (cell.size > 0) host.lose("stopped", path, cell.discard());
  const parts = cell.existingParts;
  for (const message of parts?.stash?.takeAll() ?? []) host.lose("stopped", path, message);
  for (const child of parts?.children?.values() ?? []) child.stop();
  cell.wake();
}

/** All children have stopped. The last signal and the hooks may take their time. */
export function finish(cell: Cell): void {
  // One that was about to begin again has heard its last signal already.
  const heard = (cell.status & restarting) !== 0;
  cell.status |= finishing;
  const tasks = heard ? [] : [
    () => cell.behavior.onSignal?.(cell.context as never, postStop),
    ...hooksOf(cell).reverse().map((hooks) => () => hooks.postStop?.(cell.context as never)),
  ];
  inTurn(cell, tasks, logOf(cell, "failed while it stopped"), () => end(cell));
}

function end(cell: Cell): void {
  if (cell.stopped) return;
  cell.status = stopped | (cell.status & scheduled);
  const { host, parent, ref, failure } = cell;
  const parts = cell.dispose();
  host.unregister(cell);
  parent?.childStopped(cell);
  // A parent that begins again knows nothing of the children it had.
  if (failure !== undefined && parent !== undefined && (parent.status & restarting) === 0) {
    const type = failure.escalated ? "escalated" : "childFailed";
    parent.notice({ type, ref, cause: failure.cause });
  }
  parts?.watch?.close();
  parts?.adapters?.close();
  for (const callback of parts?.onStopped ?? []) callback();
  if (host.stopping) host.sweepQuestions();
  if (host.eventStream.hears("actorStopped")) {
    host.eventStream.publish(
      failure === undefined
        ? { type: "actorStopped", ref }
        : { type: "actorStopped", ref, cause: failure.cause },
    );
  }
}

/** Ends what the actor would send to itself. */
function endSelfMade(cell: Cell): void {
  const parts = cell.existingParts;
  parts?.timers?.cancelAll();
  parts?.receiveTimeout?.cancel();
  if (parts !== undefined) parts.receiveTimeout = undefined;
  cell.status &= ~timed;
}

function hooksOf(cell: Cell): LifecycleHooks<never>[] {
  return cell.wrappers.hooks;
}

function logOf(cell: Cell, what: string): (error: unknown) => boolean {
  return (error) => {
    cell.host.runtime.logger.log("error", cell.path, `the actor ${what}`, { error });
    return true;
  };
}

function endless(path: string): ActorError {
  return new ActorError("badBehavior", `${path}: more than ${maxLevels} setups in a row`, {
    value: maxLevels,
    remedy: "let a setup end with Behaviors.receive, and not with itself",
  });
}

/** The error for something that is not a behaviour where one must be. */
export function notABehavior(path: string, value: unknown): ActorError {
  const what = value instanceof Behavior ? `Behaviors.${value.kind}() as its first behaviour` : "";
  return new ActorError("badBehavior", `${path} was given ${what || "no behaviour"}`, {
    value,
    remedy: "use what Behaviors makes; sharded behaviours need a ClusteredActorSystem",
  });
}
