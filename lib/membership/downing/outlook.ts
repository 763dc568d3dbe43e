import { decideAround, type DowningDecision, type DowningOutcome, stableAfter } from "./downing.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import { isAlive } from "../state/member.ts";
import { stalledOf } from "../state/view.ts";
import { rules } from "../../runtime/rules.ts";

/** The pending downing decision, if reachability does not change. */
export interface DowningOutlook {
  /** Name of the strategy. */
  readonly strategy: string;
  /** Its decision on the current view. */
  readonly outcome: DowningOutcome;
  /** The reason in one sentence. */
  readonly why: string;
  /** How long the set of unreachable members must be stable, milliseconds. */
  readonly stableAfter: number;
  /** Milliseconds until then; 0: it has been. */
  readonly remaining: number;
}

/** See {@linkcode DowningOutlook}. Undefined while no member is unreachable. */
export function outlookOf(m: Machine, now: number): DowningOutlook | undefined {
  if (m.phase !== "member" || m.silenceView.unreachable.size === 0) return undefined;
  const wait = stableTime(m);
  const { outcome, why } = decideNow(m);
  const remaining = Math.max(0, m.monitoring.stableSince + wait - now);
  return { strategy: m.config.downing.name, outcome, why, stableAfter: wait, remaining };
}

/** How long the set of unreachable members must be stable before this node acts, milliseconds. */
export function stableTime({ config, silenceView: view }: Machine): number {
  const bySize = stableAfter(view.members.filter(isAlive).length);
  return config.stableAfter ?? (rules.unreachableSetIsStable ? bySize : bySize / 4);
}

/** The decision of the strategy on the current view. */
export function decideNow(m: Machine): DowningDecision {
  const { members, unreachable, unreachability } = m.silenceView;
  const situation = { members, unreachable, self: selfAddress(m) };
  return decideAround(m.config.downing, situation, stalledOf(unreachability));
}
