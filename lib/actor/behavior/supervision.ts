import { backoffDelay } from "../../runtime/backoff.ts";
import type { Random } from "../../runtime/random.ts";
import { checkOptions } from "../../options/check_options.ts";
import { refusedOption } from "../../options/explain.ts";
import {
  backoffDefaults,
  supervisionDefaults,
  supervisionTable,
} from "../../options/tables/actor_tables.ts";

/**
 * Directives for an actor that has failed:
 *
 * - `"restart"`: it restarts with a new incarnation. Its reference and its mailbox stay; its state,
 *   children, timers and watches do not.
 * - `"resume"`: it keeps its behaviour. An actor that fails before it has one stops instead.
 * - `"stop"`: it stops.
 * - `"escalate"`: it stops, and its parent fails with the same error. An actor without a parent
 *   just stops.
 *
 * The message that was handled is not handled again.
 */
export type Directive = "restart" | "resume" | "stop" | "escalate";

/** How long an actor waits before it restarts. Its messages wait with it. */
export interface Backoff {
  /** Milliseconds before the first restart, at least 1. Doubles with each restart that follows. */
  readonly min: number;
  /** Milliseconds that it never exceeds before jitter. */
  readonly max: number;
  /** A random part of the delay up to this is added, so that actors do not restart all at once. Default 0.2. */
  readonly jitter?: number;
  /** Milliseconds without a failure after which the delay is `min` again. Default `max`. */
  readonly resetAfter?: number;
}

/** A supervision strategy. */
export interface SupervisionStrategy {
  /**
   * Decides by the error. Undefined leaves it to the wrapper around this one; if none decides, the
   * actor stops. Default: always `directive`.
   */
  readonly decider?: (error: unknown) => Directive | undefined;
  /** What happens after any error, where there is no `decider`. Default `"restart"`. */
  readonly directive?: Directive;
  /**
   * Restarts allowed within `within`; one more stops the actor. Default 3. `Infinity` only with a
   * `backoff`.
   */
  readonly maxRestarts?: number;
  /** Milliseconds in which restarts are counted. Default 60 000. */
  readonly within?: number;
  /** Waits before a restart. Default: none. */
  readonly backoff?: Backoff;
}

/** The decision. */
export interface Verdict {
  readonly directive: Directive;
  /** Milliseconds to wait before a restart. */
  readonly delay: number;
}

/**
 * The restarts of one actor. They belong to the actor and not to its behaviour: a behaviour that
 * wraps its successors in a new strategy does not get new restarts with it.
 */
export class RestartHistory {
  #times: number[] = [];
  /** Restarts since the actor last ran well for a while. */
  #inARow = 0;
  #last = -Infinity;

  /** How often it was restarted in a row. */
  get inARow(): number {
    return this.#inARow;
  }

  /** Whether one more restart is within the limits. */
  allows(strategy: SupervisionStrategy, now: number): boolean {
    const { maxRestarts = supervisionDefaults.maxRestarts } = strategy;
    const { within = supervisionDefaults.within } = strategy;
    return this.#times.filter((time) => now - time <= within).length < maxRestarts;
  }

  /** Records a restart; returns its delay in milliseconds. */
  add(strategy: SupervisionStrategy, now: number, random: Random): number {
    const { maxRestarts = supervisionDefaults.maxRestarts, backoff } = strategy;
    if (maxRestarts !== Infinity) {
      this.#times.push(now);
      if (this.#times.length > maxRestarts) this.#times.shift();
    }
    const quiet = backoff?.resetAfter ?? backoff?.max ?? supervisionDefaults.within;
    this.#inARow = now - this.#last >= quiet ? 1 : this.#inARow + 1;
    const delay = backoff === undefined ? 0 : delayOf(backoff, this.#inARow, random);
    this.#last = now + delay;
    return delay;
  }
}

/** Asks the strategies, the innermost first, what to do about an error. Notes a restart. */
export function decide(
  strategies: readonly SupervisionStrategy[],
  error: unknown,
  history: RestartHistory,
  now: number,
  random: Random,
): Verdict {
  for (const strategy of strategies) {
    const { decider, directive: always = supervisionDefaults.directive } = strategy;
    const directive = decider === undefined ? always : decider(error);
    if (directive === undefined) continue;
    if (directive !== "restart") return { directive: checkDirective(directive), delay: 0 };
    if (!history.allows(strategy, now)) return { directive: "stop", delay: 0 };
    return { directive, delay: history.add(strategy, now, random) };
  }
  return { directive: "stop", delay: 0 };
}

/**
 * The strategy, if it can be used.
 *
 * @throws {OptionError}
 */
export function checkStrategy(strategy: SupervisionStrategy): SupervisionStrategy {
  checkOptions(supervisionTable, strategy);
  const { maxRestarts, backoff } = strategy;
  if (maxRestarts === Infinity && backoff === undefined) {
    throw refusedOption("maxRestarts", maxRestarts, "give a backoff to restart without a limit");
  }
  if (backoff !== undefined && backoff.min > backoff.max) {
    throw refusedOption("backoff.min", backoff.min, `use at most backoff.max, ${backoff.max}`);
  }
  return strategy;
}

function checkDirective(directive: Directive): Directive {
  if (["resume", "stop", "escalate"].includes(directive)) return directive;
  throw refusedOption(
    "decider",
    directive,
    "return restart, resume, stop, escalate or undefined",
  );
}

function delayOf(backoff: Backoff, inARow: number, random: Random): number {
  const { min, max, jitter = backoffDefaults.jitter } = backoff;
  return backoffDelay({ min, max, jitter: [1, 1 + jitter] }, inARow - 1, random.next());
}
