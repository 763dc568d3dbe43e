/**
 * The cell runs one actor: its mailbox, its current behaviour, its children, its end.
 *
 * @module
 */
import { Behavior } from "./behavior.ts";
import type { CellHost } from "./cell_host.ts";
import { CellContext } from "./cell_context.ts";
import type { Runnable } from "./dispatcher.ts";
import { ActorError } from "./errors.ts";
import { LocalRef } from "./local_ref.ts";
import { Mailbox, notDropped } from "./mailbox.ts";
import type { Signal } from "./signal.ts";
import type { SpawnOptions } from "./spawn_options.ts";
import { TimerMessage, type TimerSet } from "./timers.ts";

/** What the cell itself must do, before any message. */
type Order = "start" | "stop" | Signal;

/** See the module's text. */
export class Cell implements Runnable {
  readonly host: CellHost;
  readonly path: string;
  readonly uid: number;
  readonly parent: Cell | undefined;
  readonly ref: LocalRef<unknown>;
  /** Children by name; made when there are some. */
  children: Map<string, Cell> | undefined;
  /** Made when the actor sets its first timer. */
  timers: TimerSet | undefined;
  readonly #mailbox: Mailbox;
  #behavior: Behavior<never>;
  #orders: Order[] | undefined;
  #context: CellContext | undefined;
  #watchers: Set<Cell> | undefined;
  #onStopped: (() => void)[] | undefined;
  #state: "running" | "stopping" | "stopped" = "running";
  #scheduled = false;
  /** The last signal has been given. */
  #finishing = false;
  /** A handler's promise is pending. */
  #waiting = false;
  #cause: unknown;

  /** Starts in the background; messages told before wait. */
  constructor(
    host: CellHost,
    parent: Cell | undefined,
    path: string,
    behavior: Behavior<never>,
    options: SpawnOptions = {},
  ) {
    if (!(behavior instanceof Behavior)) {
      throw new ActorError(
        "badBehavior",
        `${path} was spawned with something else than a behaviour`,
        {
          value: behavior,
          remedy: "use what Behaviors makes; sharded behaviours need a ClusteredActorSystem",
        },
      );
    }
    this.host = host;
    this.parent = parent;
    this.path = path;
    this.uid = host.nextUid();
    this.#mailbox = new Mailbox(options.mailbox);
    this.#behavior = behavior;
    this.ref = new LocalRef(this);
    host.register(this);
    this.order("start");
  }

  /** Whether it takes no more messages. */
  get ended(): boolean {
    return this.#state !== "running";
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#mailbox.size;
  }

  /** Takes a message from anybody. */
  enqueue(message: unknown): void {
    const { host } = this;
    host.ledger.sent++;
    if (this.#state !== "running") return this.#lose("stopped", message);
    const dropped = this.#mailbox.push(message);
    if (dropped !== notDropped) this.#lose("mailboxFull", dropped);
    if (!this.#scheduled && !this.#waiting) this.#schedule();
  }

  /** Takes an order, which goes before all messages. */
  order(order: Order): void {
    if (this.#state === "stopped") return;
    (this.#orders ??= []).push(order);
    if (!this.#scheduled && !this.#waiting) this.#schedule();
  }

  /** Calls back when it has stopped. */
  whenStopped(callback: () => void): void {
    if (this.#state === "stopped") callback();
    else (this.#onStopped ??= []).push(callback);
  }

  /** Another cell wants to know when this one has stopped. */
  addWatcher(watcher: Cell): void {
    if (this.#state === "stopped") watcher.order({ type: "terminated", ref: this.ref });
    else (this.#watchers ??= new Set()).add(watcher);
  }

  /** It no longer wants to know. */
  removeWatcher(watcher: Cell): void {
    this.#watchers?.delete(watcher);
  }

  /** A child has stopped. */
  childStopped(name: string, child: Cell): void {
    if (this.children?.get(name) !== child) return;
    this.children.delete(name);
    if (this.#state === "stopping" && this.children.size === 0) this.#finish();
  }

  /** Runs orders and up to `budget` messages. */
  run(budget: number): number {
    this.#scheduled = false;
    let handled = 0;
    while (!this.#waiting && this.#state !== "stopped") {
      if (this.#orders !== undefined) {
        this.#obey(this.#nextOrder());
      } else if (this.#state === "running" && this.#mailbox.size > 0) {
        if (handled === budget) {
          this.#schedule();
          break;
        }
        handled++;
        this.#handle(this.#mailbox.shift());
      } else {
        break;
      }
    }
    return handled;
  }

  #nextOrder(): Order {
    const orders = this.#orders!;
    const order = orders.shift()!;
    if (orders.length === 0) this.#orders = undefined;
    return order;
  }

  #obey(order: Order): void {
    if (order === "start") {
      this.#become(this.#behavior, true);
      if (!this.#waiting) this.#started();
    } else if (order === "stop") {
      this.#stop();
    } else if (this.#state === "running") {
      this.#signal(order);
    }
  }

  #handle(message: unknown): void {
    if (message instanceof TimerMessage) {
      if (!message.timers.claim(message)) {
        // Cancelled since: nobody waits for it.
        this.host.ledger.delivered++;
        return;
      }
      message = message.message;
    }
    this.host.ledger.delivered++;
    try {
      const next = this.#behavior.onMessage!(this.#ownContext() as never, message as never);
      if (next instanceof Behavior) this.#apply(next, message);
      else this.#await(next, message);
    } catch (error) {
      this.#fail(error);
    }
  }

  #signal(signal: Signal): void {
    const { onSignal } = this.#behavior;
    if (onSignal === undefined) return;
    try {
      const next = onSignal(this.#ownContext() as never, signal);
      if (next instanceof Behavior) this.#apply(next, signal);
      else this.#await(next, signal);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Applies what a handler has answered. */
  #apply(next: Behavior<never>, message: unknown): void {
    switch (next.kind) {
      case "same":
        return;
      case "receive":
        this.#behavior = next;
        return;
      case "setup":
        return this.#become(next, false);
      case "stopped":
        return this.#stop();
      case "unhandled":
        if (!this.host.eventStream.hears("unhandledMessage")) return;
        this.host.eventStream.publish(
          { type: "unhandledMessage", ref: this.ref, message } as never,
        );
    }
  }

  /** Runs setups until a behaviour appears that handles messages. */
  #become(behavior: Behavior<never>, first: boolean): void {
    let next = behavior;
    try {
      while (next.kind === "setup") {
        const made: unknown = next.onSetup!(this.#ownContext() as never);
        if (!(made instanceof Behavior)) return this.#awaitSetup(made, first);
        next = made;
      }
    } catch (error) {
      return this.#fail(error);
    }
    if (next.kind === "receive") this.#behavior = next;
    else if (next.kind === "stopped") this.#stop();
    else this.#fail(new ActorError("badBehavior", `a setup must not give "${next.kind}"`));
  }

  #awaitSetup(made: unknown, first: boolean): void {
    this.#suspend(made, (next) => {
      this.#become(next, first);
      if (first && !this.#waiting) this.#started();
    });
  }

  #await(next: unknown, message: unknown): void {
    this.#suspend(next, (behavior) => this.#apply(behavior, message));
  }

  /** Takes no message until the promise is settled. */
  #suspend(promise: unknown, resume: (next: Behavior<never>) => void): void {
    if (typeof (promise as PromiseLike<unknown>)?.then !== "function") {
      return this.#fail(notABehavior(promise));
    }
    this.#waiting = true;
    (promise as PromiseLike<unknown>).then((next) => {
      this.#waiting = false;
      if (next instanceof Behavior) resume(next);
      else this.#fail(notABehavior(next));
      this.#resume();
    }, (error) => {
      this.#waiting = false;
      this.#fail(error);
      this.#resume();
    });
  }

  #started(): void {
    if (this.#state !== "running" || !this.host.eventStream.hears("actorStarted")) return;
    this.host.eventStream.publish({ type: "actorStarted", ref: this.ref } as never);
  }

  #fail(error: unknown): void {
    this.#cause = error;
    this.host.runtime.logger.log("error", this.path, "the actor failed and stops", { error });
    this.#stop();
  }

  #stop(): void {
    if (this.#state !== "running") return;
    this.#state = "stopping";
    this.timers?.cancelAll();
    while (this.#mailbox.size > 0) this.#lose("stopped", this.#mailbox.shift());
    if (this.children === undefined || this.children.size === 0) return this.#finish();
    for (const child of this.children.values()) child.order("stop");
  }

  /** All children have stopped. The last signal may take its time. */
  #finish(): void {
    this.#finishing = true;
    this.#signal({ type: "postStop" });
    if (!this.#waiting) this.#end();
  }

  #end(): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    const { host, ref } = this;
    host.unregister(this);
    this.parent?.childStopped(this.path.slice(this.path.lastIndexOf("/") + 1), this);
    for (const watcher of this.#watchers ?? []) watcher.order({ type: "terminated", ref });
    for (const callback of this.#onStopped ?? []) callback();
    if (host.eventStream.hears("actorStopped")) {
      host.eventStream.publish({ type: "actorStopped", ref, cause: this.#cause } as never);
    }
  }

  #lose(reason: "stopped" | "mailboxFull", message: unknown): void {
    const lost = message instanceof TimerMessage ? message.message : message;
    this.host.ledger.addDeadLetter(reason);
    this.host.deadLetter(reason, this.path, lost);
  }

  #ownContext(): CellContext {
    return this.#context ??= new CellContext(this);
  }

  #resume(): void {
    if (this.#finishing && !this.#waiting) this.#end();
    else if (this.#orders !== undefined || this.#mailbox.size > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting || this.#state === "stopped") return;
    this.#scheduled = true;
    this.host.dispatcher.schedule(this);
  }
}

function notABehavior(value: unknown): ActorError {
  return new ActorError("badBehavior", "a handler answered something else than a behaviour", {
    value,
    remedy: "return what Behaviors makes, for example Behaviors.same()",
  });
}
