import { isTransient } from "../actor/ask/ask_failure.ts";
import { AskError, AskTimeoutError } from "../actor/errors.ts";
import { withDefaults } from "../options/check_options.ts";
import { askDefaults } from "../options/tables/actor_tables.ts";
import { askRetryDefaults } from "../options/tables/client_tables.ts";
import type { AskOptions } from "../actor/behavior/ask_options.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { backoffDelay } from "../runtime/backoff.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** How an ask that was lost is repeated. Times are milliseconds. */
export interface AskRetry {
  /** Attempts in all, 1 or more. Default: until the timeout. */
  readonly attempts?: number;
  /** Without a reply after this time the ask is repeated. Default 1 000. */
  readonly attemptTimeout?: number;
  /** Longest pause before the second attempt; doubles with each, up to 2 000. Default 50. */
  readonly delay?: number;
}

/** How a client asks. */
export interface ClientAskOptions extends AskOptions {
  /**
   * Repeats the ask if it or its reply was lost; `true`: with the defaults of {@linkcode AskRetry}.
   * Only for idempotent requests: if only the reply was lost, the request was handled already.
   * Default: never.
   */
  readonly retry?: boolean | AskRetry;
}

const longestDelay = 2_000;

/**
 * Asks until there is a reply, the timeout is over or the attempts are spent. `attempt` asks once.
 * The pauses have full jitter, so that clients do not retry in step, and end when the client is
 * `closing`: the next attempt fails then.
 */
export async function askRepeatedly<R>(
  target: ActorRef<never>,
  options: ClientAskOptions,
  { clock, random }: Pick<Runtime, "clock" | "random">,
  attempt: (options: AskOptions) => Promise<R>,
  closing: AbortSignal,
): Promise<R> {
  const { timeout = askDefaults.timeout, signal, retry } = options;
  const { attempts = Infinity, attemptTimeout, delay } = withDefaults(
    askRetryDefaults,
    typeof retry === "object" ? retry : undefined,
  );
  const end = clock.now() + timeout;
  for (let count = 1;; count++) {
    const rest = Math.max(0, end - clock.now());
    const isLast = count >= attempts || rest <= attemptTimeout;
    const once = isLast ? rest : attemptTimeout;
    try {
      return await attempt({ timeout: once, ...(signal && { signal }) });
    } catch (error) {
      const isTimeout = error instanceof AskTimeoutError;
      const isLoss = isTimeout || (error instanceof AskError && isTransient(error));
      if (isLoss && (isTimeout ? isLast : clock.now() >= end)) {
        throw new AskTimeoutError(String(target), timeout, isTimeout ? undefined : error);
      }
      if (!isLoss || count >= attempts) throw error;
    }
    const backoff = { min: delay, max: longestDelay, jitter: [0, 1] } as const;
    const wait = backoffDelay(backoff, count - 1, random.next());
    await pause(clock, Math.min(wait, end - clock.now()), [
      closing,
      ...(signal ? [signal] : []),
    ]);
  }
}

/** Ends early when a signal is aborted: the next attempt says so. */
function pause(
  clock: Runtime["clock"],
  time: number,
  signals: readonly AbortSignal[],
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel();
      for (const signal of signals) signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.schedule(Math.max(0, time), done);
    for (const signal of signals) {
      if (signal.aborted) return done();
      signal.addEventListener("abort", done);
    }
  });
}
