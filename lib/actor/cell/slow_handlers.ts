import type { LimitedLog } from "../../runtime/limited_log.ts";
import { messageTypeOf } from "../ref/message_type.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { EventStream } from "../services/event_stream.ts";

/** Candidates that a log line names. */
const maxNamed = 5;

/** An actor whose handlers are measured. */
export interface MeasuredActor extends ActorRef<never> {
  /** Who is counted as the cause in the log: for an entity, its parent. */
  readonly accountable: string;
}

/** Something that an actor runs and that is no message. */
export class OwnWork {
  readonly name: string;

  constructor(name: "start" | "signal" | "timer") {
    this.name = name;
  }
}

/** A slow handler that was noticed. */
export interface SlowRun {
  /** When it ended, on the clock of the system. */
  readonly endedAt: number;
  readonly ms: number;
  /** The actor, or those among which it is. */
  readonly actors: readonly string[];
  /** The type of the message; undefined if that is not certain. */
  readonly messageType: string | undefined;
}

/** Dependencies of {@linkcode SlowHandlers}. */
export interface SlowHandlersPort {
  /** Milliseconds from which on a handler is slow. */
  readonly threshold: number;
  readonly log: LimitedLog;
  readonly eventStream: EventStream;
}

/** Reports handlers that have kept the event loop busy for too long. */
export class SlowHandlers {
  /** Milliseconds from which on a handler is slow. */
  readonly threshold: number;
  /** The one that was noticed last. */
  last: SlowRun | undefined = undefined;
  readonly #log: LimitedLog;
  readonly #eventStream: EventStream;

  constructor({ threshold, log, eventStream }: SlowHandlersPort) {
    this.threshold = threshold;
    this.#log = log;
    this.#eventStream = eventStream;
  }

  /** A handler took `ms`, or a little less. `work`: the message, or an {@linkcode OwnWork}. */
  reportOne(actor: MeasuredActor, work: unknown, ms: number, endedAt: number): void {
    const messageType = work instanceof OwnWork ? work.name : messageTypeOf(work);
    this.#report([actor], messageType, ms, endedAt);
  }

  /** These actors ran, one after the other, for `ms` in all: at least one handler was slow. */
  reportSome(actors: readonly MeasuredActor[], ms: number, endedAt: number): void {
    this.#report([...new Set(actors)], undefined, ms, endedAt);
  }

  #report(
    actors: readonly MeasuredActor[],
    messageType: string | undefined,
    ms: number,
    endedAt: number,
  ): void {
    const paths = actors.map(({ path }) => path);
    this.last = { endedAt, ms, actors: paths, messageType };
    const certain = actors.length === 1 ? actors[0] : undefined;
    const fields = {
      ms: Math.round(ms),
      ...(messageType !== undefined && { message: messageType }),
    };
    if (certain !== undefined) {
      const { path, accountable: identity } = certain;
      this.#log.add("warn", path, "slow handler", fields, { identity });
    } else {
      const more = paths.length - maxNamed;
      const named = paths.slice(0, maxNamed).join(" ") + (more > 0 ? ` and ${more} more` : "");
      const text = "slow handler of one of several actors";
      this.#log.add("warn", "dispatcher", text, { ...fields, actors: named });
    }
    if (!this.#eventStream.hasListeners("slowHandler")) return;
    this.#eventStream.publish({ type: "slowHandler", ref: certain, messageType, ms });
  }
}
