import type { StopSignals } from "../../runtime/stop_signals.ts";
import type { PersistenceOptions } from "../../runtime/durable_store.ts";
import type { LocalRuntime } from "../behavior/local_system.ts";

/** How a system is made. */
export interface ActorSystemOptions {
  /** Default `"casty-system"`. */
  readonly name?: string;
  /** Replaces clock, randomness or log. Default: the machine's; log lines of `warn` and above. */
  readonly runtime?: Partial<LocalRuntime>;
  /** Where durable actors are stored. Default: where each of them says. */
  readonly persistence?: PersistenceOptions;
  /** Asks that may wait for a reply at once. Default 100 000. */
  readonly maxPendingAsks?: number;
  /**
   * Milliseconds that an actor, when it is stopped, may take to end the handler that runs, and
   * again to end its last signal; then it is stopped without. Default 10 000.
   */
  readonly stopTimeout?: number;
  /**
   * `true`: SIGTERM and SIGINT shut the system down, and then the process ends with code 0. A second
   * signal ends it at once. Default false: the signals do what they
   * always do.
   */
  readonly stopOnSignals?: boolean | StopSignals;
  /** Milliseconds that a shutdown may take in all. Default 25 000. */
  readonly shutdownBudget?: number;
  /** Milliseconds that one task of a shutdown may take. Default 5 000. */
  readonly phaseTimeout?: number;
  /** Tasks that `onShutdown` may add. Default 10 000. */
  readonly maxShutdownTasks?: number;
  /** Keys that the scheduler may hold at once. Default 100 000. */
  readonly maxScheduled?: number;
  /** Background tasks that may run at once. Default 10 000. */
  readonly maxTasks?: number;
  /**
   * Milliseconds for which a handler may keep the event loop busy, up to its first `await`, before it
   * is reported as slow: by the event `slowHandler`, and in the log. `Infinity`: it never is. Default
   * 100.
   */
  readonly slowHandler?: number;
  /**
   * For development: freezes every message to an actor of this system, so that it is not changed
   * afterwards, and logs values that are not data and could not cross the wire. Slow. Default false.
   */
  readonly checkMessages?: boolean;
  /** Whether messages that are lost while actors stop are counted only. Default false. */
  readonly suppressDeadLettersOnShutdown?: boolean;
}
