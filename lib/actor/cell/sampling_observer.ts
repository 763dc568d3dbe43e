import type { Clock } from "../../runtime/clock.ts";
import type { HandlerSamples } from "../services/handler_samples.ts";
import {
  beginTurn,
  type CellObserver,
  type ObservedRun,
  type ObservedTurn,
} from "./cell_observer.ts";

/** A turn that is sampled, and perhaps measured by the inner observer as well. */
class SampledTurn implements ObservedTurn {
  readonly actor: string;
  readonly weight = 1;
  readonly inner: ObservedTurn | undefined;
  startedAt: number;

  constructor(actor: string, startedAt: number, inner: ObservedTurn | undefined) {
    this.actor = actor;
    this.startedAt = startedAt;
    this.inner = inner;
  }
}

/** Reports the messages of each turn to `samples`, and lets `inner` observe as before. */
export function samplingObserver(
  samples: HandlerSamples,
  clock: Clock,
  inner: CellObserver | undefined,
): CellObserver {
  const innerTurn = (turn: ObservedTurn | undefined) => (turn as SampledTurn | undefined)?.inner;
  return {
    // All turns are observed.
    turns: { left: -1 },
    traces: inner?.traces ?? false,
    slotOf: (message) => inner === undefined ? message : inner.slotOf(message),
    onTurn: (path, depth) => new SampledTurn(path, clock.now(), beginTurn(inner, path, depth)),
    onFirst(turn) {
      turn.startedAt = clock.now();
      const own = innerTurn(turn);
      if (own !== undefined) inner!.onFirst(own);
    },
    onTurnEnd(turn, called) {
      if (called > 0) samples.add(turn.actor, clock.now() - turn.startedAt, called);
      const own = innerTurn(turn);
      if (own !== undefined) inner!.onTurnEnd(own, called);
    },
    onSuspend(turn, called) {
      if (called > 1) {
        const now = clock.now();
        const mean = (now - turn.startedAt) / called;
        samples.add(turn.actor, mean * (called - 1), called - 1);
        turn.startedAt = now - mean;
      }
      const own = innerTurn(turn);
      if (own !== undefined) inner!.onSuspend(own, called);
    },
    runTraced: (path, traced, handle) => inner?.runTraced(path, traced, handle),
    onDone(run: ObservedRun) {
      const { turn, span } = run;
      if (turn !== undefined) samples.add(turn.actor, clock.now() - turn.startedAt, 1);
      const own = innerTurn(turn);
      if (own !== undefined || span !== undefined) inner!.onDone({ ...run, turn: own });
    },
    onHandler: (path, slot) => inner?.onHandler?.(path, slot),
    onOwnHandler: (path) => inner?.onOwnHandler?.(path),
    onStopped: (path) => inner?.onStopped?.(path),
    close: () => inner?.close?.(),
  };
}
