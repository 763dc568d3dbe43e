import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { isActorRef } from "../actor/ref/ref_schema.ts";
import { checkOptions, checkValue } from "../options/check_options.ts";
import { job as jobType, scheduledTable } from "../options/tables/singleton_tables.ts";
import type { DurableContext } from "../persistence/durable_context.ts";
import { durableState } from "../persistence/durable_state.ts";
import type { Effect, Effects } from "../persistence/effect.ts";
import { cronTime, type Schedule } from "../persistence/reminders/schedule.ts";
import { SingletonBehavior, type SingletonOptions } from "./singleton_behavior.ts";

/**
 * Times at which a job runs, as cron says them: minute, hour, day of month, month and day of week,
 * optionally a second before them; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. In UTC, or in
 * a time zone with an IANA name.
 */
export type ScheduleTime = string | {
  /** The fields. */
  readonly expression: string;
  /** Such as `"Europe/Berlin"`. Default `"UTC"`. */
  readonly timeZone?: string;
};

/** A run of a job. */
export interface ScheduledRun {
  /**
   * When it was due, milliseconds since 1970. If more due times have passed since, as in an outage, it is
   * the first of them: this run makes up for all.
   */
  readonly due: number;
}

/** What a schedule has done, and will do. */
export interface ScheduleStatus {
  /** When the job runs next, milliseconds since 1970; absent if it is never due again. */
  readonly next?: number;
  /** How often it has run. */
  readonly runs: number;
  /** The last run: for which due time, and when it ended, milliseconds since 1970. */
  readonly last?: { readonly due: number; readonly at: number };
}

/** What the reference to a schedule takes. */
export interface ScheduleMessage {
  /** Asks for its status. */
  readonly type: "status";
  /** Who gets it. */
  readonly replyTo: ActorRef<ScheduleStatus>;
}

/** What is run; the context is that of the singleton that runs it. */
export type ScheduledJob = (
  context: ActorContext<never>,
  run: ScheduledRun,
) => void | Promise<void>;

/** Options of `Behaviors.scheduled`. The same on all nodes. */
export type ScheduledOptions = Pick<
  SingletonOptions,
  "role" | "strategy" | "stopTimeout" | "journal" | "replication" | "clients"
>;

/** The result of `Behaviors.scheduled`: a singleton that runs a job at certain times. */
export class ScheduledBehavior extends SingletonBehavior<ScheduleMessage> {
  /** When it runs. */
  readonly when: ScheduleTime;
  /** What it runs. */
  readonly job: ScheduledJob;

  /** @internal Use `Behaviors.scheduled`. */
  constructor(when: ScheduleTime, job: ScheduledJob, options: ScheduledOptions) {
    super(running(when, job), options);
    this.when = when;
    this.job = job;
  }
}

/**
 * Describes a job that the cluster runs at the times of a cron expression, on one node at a time. When it
 * is due next is a durable reminder in the journal, so a time is not missed when nodes leave, crash or
 * are all down; times that have passed in an outage are one run. Spawn it on every node that may run it:
 * `system.spawn(scheduled, name)`.
 *
 * Each due time is run at least once: again if the job throws, after growing pauses, or if its node is
 * lost before it has ended. Runs never overlap. A run that is longer than the time between two due times
 * delays them. Stores that check `context.epoch` are not written by a run whose node was replaced.
 *
 * Programs with a schedule import `@casty/casty/persistence`, which reads cron expressions. Another
 * expression or time zone counts from the next start of the singleton on.
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { Behaviors, ClusteredActorSystem } from "@casty/casty";
 * import { memoryJournal } from "@casty/casty/persistence";
 *
 * const report = Behaviors.scheduled(
 *   { expression: "30 2 * * MON-FRI", timeZone: "Europe/Berlin" },
 *   (context, { due }) => context.log.info("reporting", { due: new Date(due).toISOString() }),
 *   { journal: memoryJournal() },
 * );
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const reports = system.spawn(report, "reports");
 * const { next } = await reports.ask((replyTo) => ({ type: "status", replyTo }));
 * console.assert(next! > system.runtime.clock.wallTime());
 * ```
 */
export function scheduled(
  when: ScheduleTime,
  job: ScheduledJob,
  options: ScheduledOptions = {},
): ScheduledBehavior {
  checkValue("job", jobType, job);
  checkOptions(scheduledTable, options);
  return new ScheduledBehavior(when, job, options);
}

/** What a schedule keeps. */
interface Runs {
  readonly runs: number;
  readonly last?: { readonly due: number; readonly at: number };
}

/** What it tells itself: `begin` when an incarnation starts, `due` by its reminder. */
type Message = ScheduleMessage | { readonly type: "begin" } | { readonly type: "due" };

const key = "schedule";

/** The singleton: a durable actor with one reminder. */
function running(when: ScheduleTime, job: ScheduledJob): Behavior<ScheduleMessage> {
  const actor = durableState<Message, Runs>({
    initial: { runs: 0 },
    onMessage: (context, state, message, effect) => {
      switch (message.type) {
        case "begin":
          remind(context, when);
          return effect.none();
        case "due":
          return run(context, job, state, effect);
        case "status":
          if (!isActorRef(message.replyTo)) return effect.unhandled();
          remind(context, when);
          return effect.reply(message.replyTo, statusOf(context, state));
        default:
          return effect.unhandled();
      }
    },
  });
  return Behaviors.setup<Message>((context) => {
    context.self.tell({ type: "begin" });
    return actor;
  }) as Behavior<never> as Behavior<ScheduleMessage>;
}

type Context = DurableContext<Message>;
type RunEffects = Effects<Runs, Runs>;

/** Sets the reminder, unless the one that is stored has the same times: then it may be due already. */
function remind(context: Context, when: ScheduleTime): void {
  const { reminders } = context;
  const wanted = cronTime(when, wallTime(context));
  const stored = reminders.list().find((reminder) => reminder.key === key);
  if (!sameTimes(stored?.schedule, wanted)) reminders.cron(key, when, { type: "due" });
}

function run(
  context: Context,
  job: ScheduledJob,
  { runs }: Runs,
  effect: RunEffects,
): Effect<Runs, Runs> | Promise<Effect<Runs, Runs>> {
  const { current } = context.reminders;
  // A peer has sent it.
  if (current === undefined) return effect.unhandled();
  const { due } = current;
  const ended = () => effect.persist({ runs: runs + 1, last: { due, at: wallTime(context) } });
  const done = job(context as unknown as ActorContext<never>, { due });
  return done === undefined ? ended() : done.then(ended);
}

function statusOf({ reminders }: Context, { runs, last }: Runs): ScheduleStatus {
  const set = reminders.list().find((reminder) => reminder.key === key);
  return { ...(set && { next: set.due }), runs, ...(last && { last }) };
}

function sameTimes(stored: Schedule | undefined, wanted: Schedule): boolean {
  return stored?.type === "cron" && wanted.type === "cron" &&
    stored.expression === wanted.expression && stored.timeZone === wanted.timeZone;
}

function wallTime({ system }: Context): number {
  return system.runtime.clock.wallTime();
}
