import { CastyError } from "../runtime/casty_error.ts";

/**
 * An actor or its system cannot do what was asked of it. Codes: `badName`, `duplicateName`,
 * `badBehavior`, `stashFull`, `systemStopped`, `actorStopped`, `earlierIncarnation`, `notAChild`,
 * `notLocal`, `noEntity`, `cannotWatch`, `tooManyWatches`; of the scheduler `badKey`,
 * `tooManyScheduled`; of background tasks `badTask`, `tooManyTasks`, `taskCancelled`; of the shutdown
 * `badPhase`, `phaseBegun`, `shutdownTimeout`; of the receptionist and routers `badServiceKey`,
 * `badSubscriber`, `badRoutingKey`; of circuit breakers `circuitOpen`, `circuitTimeout`.
 */
export class ActorError extends CastyError {
  /** Name of the class. */
  override name = "ActorError";
}

/** No reply came in time. Code: `askTimeout`. */
export class AskTimeoutError extends CastyError {
  /** Name of the class. */
  override name = "AskTimeoutError";

  /** `target` is the actor that was asked, `timeout` is in milliseconds. */
  constructor(target: string, timeout: number) {
    super("askTimeout", `${target} did not reply within ${timeout} ms`, {
      value: timeout,
      remedy: "check that it replies to this message, or raise the timeout",
    });
  }
}

/**
 * An ask has failed before its timeout. Codes: `askTargetDead`, `askNotDelivered`,
 * `askAborted`, `askCycle`, `tooManyAsks`.
 */
export class AskError extends CastyError {
  /** Name of the class. */
  override name = "AskError";
}
