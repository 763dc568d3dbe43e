import type { ResolvedConfig } from "../machine/config.ts";
import { compareText } from "../state/member.ts";

/** The seeds of a node. Immutable. */
export interface Seeds {
  /** Without this node. */
  readonly others: readonly string[];
  /** Whether this node is a seed. */
  readonly listed: boolean;
  /** The seed that may bootstrap a cluster. */
  readonly first: string | undefined;
  /** Since when the seeds are unchanged; `Infinity`: dynamic seeds are not resolved yet. */
  readonly since: number;
}

/** The seeds of the configuration. */
export function configuredSeeds({ seeds, dynamicSeeds, self }: ResolvedConfig): Seeds {
  return {
    others: seeds.filter((seed) => seed !== self.address),
    listed: seeds.includes(self.address),
    first: seeds[0],
    since: dynamicSeeds ? Infinity : -Infinity,
  };
}

/** The seeds with dynamically resolved ones; the same object if they are unchanged. */
export function withResolvedSeeds(
  known: Seeds,
  { seeds, self }: ResolvedConfig,
  resolved: readonly string[],
  now: number,
): Seeds {
  const all = [...new Set([...seeds, ...resolved])].sort(compareText);
  const others = all.filter((seed) => seed !== self.address);
  const listed = all.includes(self.address);
  const first = all[0];
  const same = known.since <= now && listed === known.listed &&
    others.length === known.others.length && others.every((one, i) => one === known.others[i]);
  return same ? known : { others, listed, first, since: now };
}
