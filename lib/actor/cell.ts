/**
 * The cell runs one actor: its mailbox, its current behaviour, its end.
 *
 * @module
 */
import { Behavior, same } from "./behavior.ts";
import { CellContext } from "./cell_context.ts";
import type { CellHost } from "./cell_host.ts";
import { CellParts } from "./cell_parts.ts";
import {
  blocked,
  ended,
  finishing,
  free,
  fresh,
  mustStop,
  noticed,
  scheduled,
  stopped,
  stopping,
  waiting,
  worked,
} from "./cell_status.ts";
import { DeathWatch } from "./death_watch.ts";
import type { Runnable } from "./dispatcher.ts";
import { ActorError } from "./errors.ts";
import { LocalRef } from "./local_ref.ts";
import { Mailbox, notDropped } from "./mailbox.ts";
import { type Notice, NoticeQueue } from "./notice_queue.ts";
import type { Signal, Terminated } from "./signal.ts";
import type { SpawnOptions } from "./spawn_options.ts";
import { type Suspendable, type Suspended, Suspension } from "./suspension.ts";

const postStop: Signal = { type: "postStop" };

/** See the module's text. All cells have one hidden class. */
export class Cell extends Mailbox implements Runnable, Suspendable {
  readonly host: CellHost;
  readonly parent: Cell | undefined;
  readonly path: string;
  readonly uid: number;
  readonly ref: LocalRef<unknown>;
  #behavior: Behavior<never>;
  #status = fresh;
  #context: CellContext | undefined = undefined;
  #parts: CellParts | undefined = undefined;
  #failed = false;
  #cause: unknown = undefined;

  /** Starts in the background; messages told before wait. */
  constructor(
    host: CellHost,
    parent: Cell | undefined,
    path: string,
    behavior: Behavior<never>,
    options: SpawnOptions | undefined,
  ) {
    super(options?.mailbox);
    if (!(behavior instanceof Behavior) || !isFirst(behavior)) throw notABehavior(path, behavior);
    this.host = host;
    this.parent = parent;
    this.path = path;
    this.uid = host.nextUid();
    this.#behavior = behavior;
    this.ref = new LocalRef(this);
    host.register(this);
    this.#wake();
  }

  /** Whether it takes no more messages. */
  get ended(): boolean {
    return (this.#status & ended) !== 0;
  }

  /** Whether it is gone. */
  get stopped(): boolean {
    return (this.#status & stopped) !== 0;
  }

  /** What only some cells have. */
  get parts(): CellParts {
    return this.#parts ??= new CellParts();
  }

  /** Whom it watches, and who watches it. */
  get deathWatch(): DeathWatch {
    return this.parts.watch ??= new DeathWatch(this);
  }

  /** What those who watch it are told when it is gone. */
  get terminated(): Terminated {
    const { ref } = this;
    return this.#failed
      ? { type: "terminated", ref, reason: "failed", cause: this.#cause }
      : { type: "terminated", ref, reason: "stopped" };
  }

  /** Takes a message from anybody. */
  enqueue(message: unknown): void {
    const { host } = this;
    host.ledger.sent++;
    if ((this.#status & ended) !== 0) return host.lose("stopped", this.path, message);
    const dropped = this.push(message);
    if (dropped !== notDropped) host.lose("mailboxFull", this.path, dropped);
    if ((this.#status & (scheduled | waiting)) === 0) {
      this.#status |= scheduled;
      host.dispatcher.schedule(this);
    }
  }

  /** Takes a signal or a fired timer: in order with messages, and never dropped. */
  notice(notice: Notice): void {
    if (this.ended) return;
    (this.parts.notices ??= new NoticeQueue()).add(this.nextPosition, notice);
    this.#status |= noticed;
    this.#wake();
  }

  /** Stops when the running handler is through, before any message that waits. */
  stop(): void {
    if ((this.#status & (ended | mustStop)) !== 0) return;
    this.#status |= mustStop;
    if ((this.#status & waiting) !== 0) this.#limitWait();
    this.#wake();
  }

  /** Calls back when it has stopped. Answers how to take that back. */
  whenStopped(callback: () => void): () => void {
    if (this.stopped) {
      callback();
      return () => {};
    }
    const callbacks = this.parts.onStopped ??= new Set();
    callbacks.add(callback);
    return () => void callbacks.delete(callback);
  }

  /** Runs whatever is due: up to `budget` messages, signals and timers. */
  run(budget: number): number {
    let handled = 0;
    while (handled < budget) {
      if (this.#status !== scheduled) {
        const step = this.#attend();
        if (step === blocked) return this.#rest(handled);
        if (step === worked) {
          handled++;
          continue;
        }
      }
      if (this.size === 0) return this.#rest(handled);
      handled++;
      this.#handle(this.shift());
    }
    this.host.dispatcher.schedule(this);
    return handled;
  }

  #rest(handled: number): number {
    this.#status &= ~scheduled;
    return handled;
  }

  /** Takes one step of what goes before the next message. */
  #attend(): number {
    const status = this.#status;
    if ((status & (waiting | stopped)) !== 0) return blocked;
    if ((status & fresh) !== 0) {
      this.#status &= ~fresh;
      this.#become(this.#behavior, true);
    } else if ((status & mustStop) !== 0) {
      this.#beginStop();
    } else if ((status & stopping) !== 0) {
      if ((this.#parts?.children?.size ?? 0) > 0) return blocked;
      this.#finish();
    } else if ((status & noticed) !== 0 && this.hasPassed(this.#parts!.notices!.position)) {
      this.#takeNotice();
    } else {
      return free;
    }
    return worked;
  }

  #takeNotice(): void {
    const { notices, timers, watch } = this.#parts!;
    const notice = notices!.take();
    if (notices!.empty) this.#status &= ~noticed;
    if (notice.type === "terminated") {
      if (watch?.claim(notice)) this.#signal(notice);
    } else {
      timers?.claim(notice, (message) => {
        this.host.ledger.sent++;
        this.#handle(message);
      });
    }
  }

  #handle(message: unknown): void {
    this.host.ledger.delivered++;
    let next: unknown;
    try {
      next = this.#behavior.onMessage!(this.#ownContext() as never, message as never);
    } catch (error) {
      return this.#fail(error);
    }
    if (next !== same) this.#apply(next, "message", message);
  }

  #signal(signal: Signal): void {
    const { onSignal } = this.#behavior;
    if (onSignal === undefined) return;
    let next: unknown;
    try {
      next = onSignal(this.#ownContext() as never, signal);
    } catch (error) {
      return this.#fail(error);
    }
    if (next !== same) this.#apply(next, "signal", signal);
  }

  /** Applies what a handler has answered. */
  #apply(next: unknown, kind: Suspended, message: unknown): void {
    if (!(next instanceof Behavior)) return this.#suspend(next, kind, message);
    // After the last signal nothing comes any more.
    if ((this.#status & ended) !== 0) return;
    switch (next.kind) {
      case "same":
        return;
      case "receive":
        this.#behavior = next;
        return;
      case "setup":
        return this.#become(next, false);
      case "stopped":
        return this.#beginStop();
      case "unhandled":
        if (kind === "message" && this.host.eventStream.hears("unhandledMessage")) {
          this.host.eventStream.publish({ type: "unhandledMessage", ref: this.ref, message });
        }
    }
  }

  /** Runs setups until a behaviour appears that handles messages. `first`: the actor starts. */
  #become(behavior: Behavior<never>, first: boolean): void {
    let next: unknown = behavior;
    try {
      while (next instanceof Behavior && next.kind === "setup") {
        next = next.onSetup!(this.#ownContext() as never);
      }
    } catch (error) {
      return this.#fail(error);
    }
    if (!(next instanceof Behavior)) return this.#suspend(next, "setup", first);
    if (next.kind === "stopped") return this.#beginStop();
    if (next.kind !== "receive") return this.#fail(notABehavior(this.path, next));
    this.#behavior = next;
    if (first && this.host.eventStream.hears("actorStarted")) {
      this.host.eventStream.publish({ type: "actorStarted", ref: this.ref });
    }
  }

  /** Takes no message until the promise is settled. */
  #suspend(promise: unknown, kind: Suspended, message: unknown): void {
    if (typeof (promise as PromiseLike<unknown> | undefined)?.then !== "function") {
      return this.#fail(notABehavior(this.path, promise));
    }
    this.#status |= waiting;
    if ((this.#status & mustStop) !== 0) this.#limitWait();
    (this.parts.suspension ??= new Suspension(this))
      .wait(promise as PromiseLike<unknown>, kind, message);
  }

  /** The promise has given `next`. */
  fulfilled(kind: Suspended, message: unknown, next: unknown): void {
    this.#endWait();
    if (!(next instanceof Behavior)) this.#fail(notABehavior(this.path, next));
    else if (kind === "setup") this.#become(next, message as boolean);
    else this.#apply(next, kind, message);
    this.#afterWait();
  }

  /** The promise has failed. */
  rejected(error: unknown): void {
    this.#endWait();
    this.#fail(error);
    this.#afterWait();
  }

  #endWait(): void {
    this.#status &= ~waiting;
    const parts = this.#parts!;
    parts.stopTimer?.cancel();
    parts.stopTimer = undefined;
  }

  #afterWait(): void {
    if ((this.#status & waiting) !== 0) return;
    if ((this.#status & finishing) !== 0) this.#end();
    else if (this.#status !== 0 || this.size > 0) this.#wake();
  }

  /** A handler that never ends must not keep the system from stopping. */
  #limitWait(): void {
    const { host, parts } = this;
    parts.stopTimer ??= host.runtime.clock.schedule(host.stopTimeout, () => {
      host.runtime.logger.log("error", this.path, "a handler did not end; stopped without it", {
        stopTimeout: host.stopTimeout,
      });
      parts.suspension!.abandon();
      // Another: what was abandoned may still come to something.
      parts.suspension = undefined;
      this.#endWait();
      this.#afterWait();
    });
  }

  #fail(error: unknown): void {
    const ending = this.ended;
    this.host.runtime.logger.log(
      "error",
      this.path,
      ending ? "the actor failed while it stopped" : "the actor failed and stops",
      { error },
    );
    if (ending) return;
    this.#failed = true;
    this.#cause = error;
    this.#beginStop();
  }

  /** Children first; then {@linkcode Cell.#finish}. */
  #beginStop(): void {
    if ((this.#status & ended) !== 0) return;
    this.#status = (this.#status & scheduled) | stopping;
    this.#parts?.timers?.cancelAll();
    while (this.size > 0) this.host.lose("stopped", this.path, this.shift());
    for (const child of this.#parts?.children?.values() ?? []) child.stop();
    this.#wake();
  }

  /** All children have stopped. The last signal may take its time. */
  #finish(): void {
    this.#status |= finishing;
    this.#signal(postStop);
    if ((this.#status & waiting) === 0) this.#end();
    else this.#limitWait();
  }

  #end(): void {
    if (this.stopped) return;
    this.#status = stopped | (this.#status & scheduled);
    const { host, parent, ref } = this;
    const parts = this.#parts;
    this.#parts = undefined;
    this.#context = undefined;
    this.#behavior = same as Behavior<never>;
    this.release();
    host.unregister(this);
    parent?.childStopped(this);
    parts?.watch?.close();
    for (const callback of parts?.onStopped ?? []) callback();
    if (host.eventStream.hears("actorStopped")) {
      host.eventStream.publish(
        this.#failed
          ? { type: "actorStopped", ref, cause: this.#cause }
          : { type: "actorStopped", ref },
      );
    }
  }

  /** A child has stopped: its name is free. */
  childStopped(child: Cell): void {
    const children = this.#parts?.children;
    const name = child.path.slice(this.path.length + 1);
    if (children?.get(name) === child) children.delete(name);
    if ((this.#status & stopping) !== 0 && children?.size === 0) this.#wake();
  }

  #ownContext(): CellContext {
    return this.#context ??= new CellContext(this);
  }

  #wake(): void {
    if ((this.#status & (scheduled | waiting | stopped)) !== 0) return;
    this.#status |= scheduled;
    this.host.dispatcher.schedule(this);
  }
}

/** Whether an actor can begin with it. */
function isFirst({ kind }: Behavior<never>): boolean {
  return kind === "receive" || kind === "setup" || kind === "stopped";
}

function notABehavior(path: string, value: unknown): ActorError {
  const what = value instanceof Behavior ? `Behaviors.${value.kind}() as its first behaviour` : "";
  return new ActorError("badBehavior", `${path} was given ${what || "no behaviour"}`, {
    value,
    remedy: "use what Behaviors makes; sharded behaviours need a ClusteredActorSystem",
  });
}
