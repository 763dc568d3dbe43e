/**
 * The reminders of one incarnation of a durable actor: fires those that are due, and makes what commands
 * change, and the marks of what was fired, a part of the effects of these commands.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { EntryRequest } from "../metadata.ts";
import type { Effect, StashEffect } from "../effect.ts";
import { CommandReminders, type ReminderHost } from "./command_reminders.ts";
import { ReminderAlarm, ReminderTries } from "./reminder_alarm.ts";
import type { Reminder, ReminderEntry, ReminderSet } from "./reminder_set.ts";
import type { DueReminder, Reminders } from "./reminders.ts";

/** What the reminders of an incarnation depend on. */
export interface DurableRemindersPort {
  /** Persistence id. */
  readonly id: string;
  readonly clock: Clock;
  readonly maxReminders: number;
  /** See {@linkcode ReminderHost}. */
  readonly isWoken: boolean;
  /** See {@linkcode ReminderHost}. */
  trace(): string | undefined;
  /** Whether a command is being decided. */
  isDeciding(): boolean;
  /** Those that are set; undefined: none ever was. */
  reminders(): ReminderSet | undefined;
  /** Tells the actor that a reminder is due, in its turn. */
  readonly fire: (reminder: DueReminder) => void;
  /** The actor, which outlives its incarnations. */
  readonly actor: object;
  /** That of the incarnation. */
  readonly context: object;
}

/** By the actor. */
const triesOf = new WeakMap<object, ReminderTries>();
/** Of incarnations that have reminders, by their context. */
const alarms = new WeakMap<object, ReminderAlarm>();

/** An incarnation has ended: nothing of it is fired any more. */
export function closeReminders(context: object): void {
  alarms.get(context)?.close();
}

/** See the module's text. Made when there are reminders, or when a command uses them. */
export class DurableReminders implements ReminderHost {
  readonly #port: DurableRemindersPort;
  readonly #commands: CommandReminders;
  #alarm: ReminderAlarm | undefined;
  #atHand: DueReminder | undefined;

  /** Fires what is due already. */
  constructor(port: DurableRemindersPort) {
    this.#port = port;
    this.#commands = new CommandReminders(this);
    this.#changed();
  }

  get id(): string {
    return this.#port.id;
  }

  get maxReminders(): number {
    return this.#port.maxReminders;
  }

  get isWoken(): boolean {
    return this.#port.isWoken;
  }

  get isDeciding(): boolean {
    return this.#port.isDeciding();
  }

  get reminders(): ReminderSet | undefined {
    return this.#port.reminders();
  }

  get trace(): string | undefined {
    return this.#port.trace();
  }

  wallTime(): number {
    return this.#port.clock.wallTime();
  }

  /** What commands see. */
  get commands(): Reminders<unknown> {
    return this.#commands;
  }

  /** The reminder whose message is being decided. */
  get atHand(): DueReminder | undefined {
    return this.#atHand;
  }

  /** The message that is to be decided; undefined: it is no longer due. */
  begin(reminder: DueReminder): Reminder | undefined {
    const { key, due } = reminder;
    const set = this.reminders?.get(key);
    if (set?.due !== due) {
      this.#alarm?.taken(key);
      return undefined;
    }
    this.#atHand = reminder;
    this.#alarm?.begin(key);
    return set;
  }

  /**
   * The effect of the command that was decided, with what is to be stored beside its events. A command
   * that is kept for later has changed nothing, and its reminder stays due.
   */
  enter<E, S>(effect: Effect<E, S>): Effect<E, S> {
    const changes = this.#commands.take();
    if (effect.stashing === "stash") return effect;
    const reminder = this.#atHand;
    // First the events and the mark: the command may have set the reminder anew.
    const isMarked = reminder !== undefined && rules.remindersAreMarked;
    let entered = isMarked ? effect.thenEnter(mark(reminder)) : effect;
    for (const entry of changes) {
      entered = entered.thenEnter({ kind: "reminders", make: () => entry });
    }
    return entered;
  }

  /**
   * The effect was taken. Returns what is to be called when it is durable; `kept`: the command was a
   * reminder, and was kept for later; undefined: it was no reminder.
   */
  taken(stashing: StashEffect): (() => void) | "kept" | undefined {
    const key = this.#atHand?.key;
    this.#atHand = undefined;
    if (stashing === "unstashAll") this.#alarm?.fireAgain();
    if (key === undefined) {
      this.#changed();
      return undefined;
    }
    if (stashing === "stash") {
      this.#alarm?.kept(key);
      return "kept";
    }
    this.#alarm?.taken(key);
    return () => this.#alarm?.durable(key);
  }

  /** The command has failed, or what it persists. */
  failed(): void {
    if (rules.changesNeedTheirCommand) this.#commands.take();
    const key = this.#atHand?.key;
    this.#atHand = undefined;
    if (key !== undefined) this.#alarm?.taken(key);
  }

  /** The set may have changed. */
  #changed(): void {
    if (this.#alarm !== undefined) return this.#alarm.arm();
    const set = this.reminders;
    const { clock, actor, context, fire } = this.#port;
    if (set === undefined) return;
    let tries = triesOf.get(actor);
    if (tries === undefined) triesOf.set(actor, tries = new ReminderTries());
    this.#alarm = new ReminderAlarm(set, { clock, tries, fire });
    alarms.set(context, this.#alarm);
  }
}

function mark({ key, due }: DueReminder): EntryRequest<unknown> {
  return {
    kind: "reminders",
    make: (section, { at }): ReminderEntry => {
      const entry = (section as ReminderSet).fired(key, due, at);
      if (entry === undefined) throw new TypeError(`reminder "${key}" is marked twice`);
      return entry;
    },
  };
}
