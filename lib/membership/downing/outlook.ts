import { decideAround, type DowningDecision, type DowningOutcome, stableAfter } from "./downing.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import { isAlive } from "../state/member.ts";
import { stalledOf } from "../state/view.ts";
import { rules } from "../../runtime/rules.ts";

/** What will come of the members that are unreachable now, if nothing changes. */
export interface DowningOutlook {
  /** Name of the strategy. */
  readonly strategy: string;
  /** What it decides on the members as this node sees them now. */
  readonly outcome: DowningOutcome;
  /** Its grounds, one sentence. */
  readonly why: string;
  /** How long the same members must be unreachable, milliseconds. */
  readonly stableAfter: number;
  /** Milliseconds until they have been; 0: they have. */
  readonly remaining: number;
}

/** See {@linkcode DowningOutlook}. Undefined while nobody is unreachable. */
export function outlookOf(m: Machine, now: number): DowningOutlook | undefined {
  if (m.phase !== "member" || m.view.unreachable.size === 0) return undefined;
  const wait = stableTime(m);
  const { outcome, why } = decideNow(m);
  const remaining = Math.max(0, m.monitoring.stableSince + wait - now);
  return { strategy: m.config.downing.name, outcome, why, stableAfter: wait, remaining };
}

/** How long unreachable members must stay the same before this node acts, milliseconds. */
export function stableTime({ config, view }: Machine): number {
  const bySize = stableAfter(view.members.filter(isAlive).length);
  return config.stableAfter ?? (rules.unreachableSetIsStable ? bySize : bySize / 4);
}

/** What the strategy decides on the members as they are now. */
export function decideNow(m: Machine): DowningDecision {
  const { members, unreachable, unreachability } = m.view;
  const situation = { members, unreachable, self: selfAddress(m) };
  return decideAround(m.config.downing, situation, stalledOf(unreachability));
}
