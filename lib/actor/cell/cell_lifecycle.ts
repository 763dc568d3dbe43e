/**
 * How an actor starts, fails, restarts and stops. All of it is here and not in handlers, so that
 * supervision, hooks and setups mean the same in whatever order they are nested.
 *
 * @module
 */
import { Behavior, notABehavior } from "../behavior/behavior.ts";
import type { LifecycleHooks } from "../behavior/lifecycle_hooks.ts";
import type { Signal } from "../behavior/signal.ts";
import { decide, RestartHistory, type Verdict } from "../behavior/supervision.ts";
import { type BehaviorTransition, wrapperOf, Wrappers } from "../behavior/wrapper.ts";
import { ActorError, isDeadlinePassed } from "../errors.ts";
import { findReply } from "../ask/reply_refs.ts";
import { failHeldAsks, releaseAsk } from "../ref/held_ask.ts";
import { messageOf } from "../ref/sent_message.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { ActorCell } from "./actor_cell.ts";
import { logFailure } from "./failure_log.ts";
import { inTurn, isThenable, suspend } from "./suspension.ts";
import { untraced } from "../ref/traced_message.ts";

const postStop: Signal = { type: "postStop" };

/** Setups and wrappers within each other; more are taken for an endless nesting. */
const maxLevels = 10_000;

/** Starts an incarnation: runs the first behaviour. */
export function startIncarnation(cell: ActorCell, kind: "start" | "restart"): void {
  cell.wrappers = Wrappers.none;
  cell.behavior = cell.initial;
  cell.host.step++;
  cell.host.observer?.onOwnHandler?.(cell.path);
  become(cell, cell.initial, { kind, wrappers: [], levels: 0 });
}

/** Takes off wrappers and runs setups until a behaviour appears that handles messages. */
export function become(
  cell: ActorCell,
  behavior: Behavior<never>,
  transition: BehaviorTransition,
): void {
  let next: unknown = behavior;
  try {
    while (next instanceof Behavior) {
      if (++transition.levels > maxLevels) throw endless(cell.path);
      if (next.kind === "setup") next = next.onSetup!(cell.context as never);
      else if (next.kind === "wrapped") next = unwrap(cell, next, transition);
      else break;
    }
  } catch (error) {
    return fail(cell, error);
  }
  if (!(next instanceof Behavior)) return suspend(cell, next, "setup", transition);
  if (next.kind === "receive") return settle(cell, next, transition);
  if (next.kind === "stopped") return beginStop(cell);
  if (next.kind === "same" && transition.kind === "next") return;
  fail(cell, notABehavior(cell.path, next));
}

/** Adds a wrapper; returns the inner behaviour, or a promise of it if a hook is async. */
function unwrap(
  cell: ActorCell,
  behavior: Behavior<never>,
  { kind, wrappers }: BehaviorTransition,
): unknown {
  const { inner } = behavior;
  const wrapper = wrapperOf(behavior);
  if (kind === "next") {
    wrappers.push(wrapper);
    return inner;
  }
  const before = cell.wrappers;
  cell.wrappers = before.with(wrapper);
  if (cell.wrappers === before || wrapper.kind !== "lifecycle") return inner;
  const started: unknown = wrapper.key.preStart?.(cell.context as never);
  return isThenable(started) ? Promise.resolve(started).then(() => inner) : inner;
}

/** The actor has a behaviour that handles messages. */
function settle(
  cell: ActorCell,
  behavior: Behavior<never>,
  { kind, wrappers }: BehaviorTransition,
): void {
  if (wrappers.length > 0) cell.wrappers = cell.wrappers.withLater(wrappers);
  cell.behavior = cell.wrappers.around(behavior);
  const { eventStream } = cell.host;
  if (kind === "start" && eventStream.hasListeners("actorStarted")) {
    eventStream.publish({ type: "actorStarted", ref: cell });
  }
  if (kind === "restart") afterRestart(cell);
}

function afterRestart(cell: ActorCell): void {
  const { parts, host: { eventStream } } = cell;
  const { cause } = parts.restart!;
  parts.restart = undefined;
  const tasks = hooksOf(cell).map((hooks) => () => hooks.postRestart?.(cell.context as never));
  const onError = (error: unknown) => {
    fail(cell, error);
    return false;
  };
  inTurn(cell, tasks, onError, () => {
    if (eventStream.hasListeners("actorRestarted")) {
      eventStream.publish({ type: "actorRestarted", ref: cell, cause });
    }
  });
}

/** A handler, a setup or a hook has thrown; or a child has, and leaves it to this actor. */
export function fail(cell: ActorCell, error: unknown, child?: ActorRef<never>): void {
  if (cell.isStopping) {
    // It stops anyway: a restart would rob it of its last signal.
    logFailure(cell, "error", "actor failed while it was stopping", { error });
    return beginStop(cell);
  }
  const canGoOn = child === undefined && cell.behavior.kind === "receive";
  if (canGoOn && isDeadlinePassed(error)) return logAbandoned(cell, error);
  const { directive, delay } = judge(cell, error);
  const fields = child === undefined ? { error } : { error, escalatedBy: child.path };
  // While there is no behaviour there is nothing to resume.
  if (directive === "resume" && cell.behavior.kind === "receive") {
    return logFailure(cell, "error", "actor failed; resuming", fields);
  }
  if (directive === "restart") {
    logFailure(cell, "error", "actor failed; restarting", {
      ...fields,
      ...(delay > 0 && { delay: Math.round(delay) }),
    });
    return beginRestart(cell, error, delay);
  }
  const escalated = directive === "escalate" && cell.parent !== undefined;
  const message = escalated
    ? "actor failed; stopping and escalating to its parent"
    : "actor failed; stopping";
  logFailure(cell, "error", message, fields);
  cell.failure = { cause: error, escalated };
  beginStop(cell);
}

/**
 * A handler ended because nobody waits for its result: no failure of the actor. Otherwise an asker
 * could choose a timeout that makes it fail.
 */
function logAbandoned({ path, accountable: identity, host }: ActorCell, error: unknown): void {
  const message = "a handler was abandoned: the asker of its message has given up";
  host.limitedLog.add("info", path, message, { error }, { cause: message, identity });
}

/** The verdict of the strategies around the actor; a strategy that fails itself stops it. */
function judge(cell: ActorCell, error: unknown): Verdict {
  const { strategies } = cell.wrappers;
  if (strategies.length === 0) return { directive: "stop", delay: 0 };
  const { clock, random } = cell.host.runtime;
  const history = cell.parts.restarts ??= new RestartHistory();
  try {
    return decide(strategies, error, history, clock.now(), random);
  } catch (deciderError) {
    logFailure(cell, "error", "the decider of the supervision failed", { error: deciderError });
    return { directive: "stop", delay: 0 };
  }
}

/** The behaviour has asked for a restart. */
export function restartOnRequest(cell: ActorCell): void {
  const { path, accountable: identity, host } = cell;
  host.limitedLog.add("warn", path, "actor restarts at its own request", {}, { identity });
  beginRestart(cell, undefined, 0);
}

/** Signals the behaviour; then its children stop; then {@linkcode finishRestart}. */
function beginRestart(cell: ActorCell, cause: unknown, delay: number): void {
  if (cell.isStopping) return beginStop(cell);
  cell.beginRestarting();
  cell.parts.restart = { cause, delay, timer: undefined };
  const tasks = [
    () => cell.behavior.onSignal?.(cell.context as never, { type: "preRestart", cause }),
    ...hooksOf(cell).reverse().map((hooks) => () =>
      hooks.preRestart?.(cell.context as never, cause)
    ),
  ];
  inTurn(cell, tasks, logOf(cell, "failed before a restart"), () => dismantle(cell));
}

/** Nothing that this incarnation has started reaches the next one. */
function dismantle(cell: ActorCell): void {
  const { parts } = cell;
  forget(cell);
  for (const child of parts.children?.values() ?? []) child.stop();
  cell.wake();
}

function forget(cell: ActorCell): void {
  const { parts } = cell;
  cancelOwnMessages(cell);
  parts.adapters?.close();
  parts.adapters = undefined;
  parts.watch?.unwatchAll();
  cell.dropSystemMessages();
  parts.stash?.unstashAll();
  parts.pendingAsks = undefined;
}

/** All children have stopped. Waits for the back-off, and starts the next incarnation. */
export function finishRestart(cell: ActorCell): void {
  const restart = cell.parts.restart!;
  if (restart.delay > 0 && restart.timer === undefined) return cell.pauseRestart(restart.delay);
  // A promise of the last incarnation may have started something meanwhile.
  forget(cell);
  if (cell.heldAsks !== undefined) {
    // What the last incarnation knew of its asks is gone; those that still wait get an answer.
    const { cause } = restart;
    const failure = cause === undefined
      ? { reason: "stopped" } as const
      : { reason: "handlerFailed", cause } as const;
    failHeldAsks(cell, failure, cell.askedInMailbox());
  }
  cell.endRestarting();
  startIncarnation(cell, "restart");
}

/** Children stop first; then {@linkcode finishStop}. */
export function beginStop(cell: ActorCell): void {
  if (cell.ended) return;
  cell.beginStopping();
  cancelOwnMessages(cell);
  giveUpMessages(cell);
  for (const child of cell.existingParts?.children?.values() ?? []) {
    if (cell.isReplaced) child.stopReplaced();
    else child.stop();
  }
  cell.wake();
}

/** Gives the messages of an entity to its keeper; those of others are lost. */
function giveUpMessages(cell: ActorCell): void {
  const { host, parent, behavior } = cell;
  const stashed = cell.existingParts?.stash?.takeAll() ?? [];
  const keeper = parent?.existingParts?.entities;
  if (keeper !== undefined && cell.size + stashed.length > 0) {
    const messages = [...stashed];
    while (cell.size > 0) messages.push(cell.takeWaiting());
    const ready = behavior.kind === "receive" && stashed.length === 0;
    // It is sent again when another incarnation, or a dead letter, takes it over.
    if (keeper.keep(cell, messages, ready)) {
      host.ledger.sent -= messages.length;
      releaseAsks(cell, messages);
    } else for (const message of messages) loseMessage(cell, message);
    return;
  }
  while (cell.size > 0) loseMessage(cell, cell.takeWaiting());
  for (const message of stashed) loseMessage(cell, message);
}

/** An ask in it is told why the actor stops, if that is a failure: a dead letter does not say it. */
function loseMessage(cell: ActorCell, slot: unknown): void {
  const message = untraced(slot);
  const { host, path, failure, heldAsks } = cell;
  if (failure !== undefined && heldAsks !== undefined) {
    const ask = findReply(messageOf(message))?.heldAsk;
    if (ask?.heldBy === cell) {
      releaseAsk(ask);
      ask.fail({ reason: "stopped", cause: failure.cause });
    }
  }
  // It was not handled here, and another node owns the entity.
  const isMoved = cell.isReplaced && cell.parent?.existingParts?.entities !== undefined;
  host.lose(isMoved ? "shardMoved" : "stopped", path, message);
}

/** Their messages are kept: another incarnation has to answer them. */
function releaseAsks(cell: ActorCell, messages: readonly unknown[]): void {
  if (cell.heldAsks === undefined) return;
  for (const message of messages) {
    const ask = findReply(messageOf(untraced(message)))?.heldAsk;
    if (ask?.heldBy === cell) releaseAsk(ask);
  }
}

/** All children have stopped. The last signal and the hooks may be async. */
export function finishStop(cell: ActorCell): void {
  // An actor that was about to restart has had its last signal already.
  const tasks = cell.isRestarting ? [] : [
    () => cell.behavior.onSignal?.(cell.context as never, postStop),
    ...hooksOf(cell).reverse().map((hooks) => () => hooks.postStop?.(cell.context as never)),
  ];
  inTurn(cell, tasks, logOf(cell, "failed while it was stopping"), () => end(cell));
}

function end(cell: ActorCell): void {
  if (cell.stopped) return;
  const { host, parent, failure, isReplaced } = cell;
  const parts = cell.endStopping();
  host.observer?.onStopped?.(cell.path);
  host.unregister(cell);
  // What it has handled may have had an effect: the next owner goes by that, or does not.
  failHeldAsks(
    cell,
    isReplaced
      ? { reason: "ownerLost", details: "another node owns its shard now" }
      : { reason: "stopped", cause: failure?.cause },
  );
  parent?.childStopped(cell, failure !== undefined);
  // A parent that restarts gets no signals of the children of its last incarnation.
  if (failure !== undefined && parent !== undefined && !parent.isRestarting) {
    const type = failure.escalated ? "escalated" : "childFailed";
    parent.enqueueSystem({ type, ref: cell, cause: failure.cause });
  }
  parts?.stopWaits?.cancel();
  parts?.endWaits?.cancel();
  parts?.watch?.close();
  parts?.adapters?.close();
  for (const callback of parts?.onStopped ?? []) callback();
  if (host.stopping) host.sweepAsks();
  if (host.eventStream.hasListeners("actorStopped")) {
    host.eventStream.publish(
      failure === undefined
        ? { type: "actorStopped", ref: cell }
        : { type: "actorStopped", ref: cell, cause: failure.cause },
    );
  }
}

/** Ends the messages that the actor would send to itself. */
function cancelOwnMessages(cell: ActorCell): void {
  cell.existingParts?.timers?.cancelAll();
  cell.replaceReceiveTimeout(undefined);
}

function hooksOf(cell: ActorCell): LifecycleHooks<never>[] {
  return cell.wrappers.hooks;
}

function logOf(cell: ActorCell, what: string): (error: unknown) => boolean {
  return (error) => {
    logFailure(cell, "error", `actor ${what}`, { error });
    return true;
  };
}

function endless(path: string): ActorError {
  return new ActorError("badBehavior", `${path}: more than ${maxLevels} setups in a row`, {
    value: maxLevels,
    remedy: "let a setup end with Behaviors.receive, and not with itself",
  });
}
