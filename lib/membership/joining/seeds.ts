import type { ResolvedConfig } from "../machine/config.ts";
import { compareText } from "../state/member.ts";

/** Through whom a node joins. Never changed in place. */
export interface Seeds {
  /** Without this node. */
  readonly others: readonly string[];
  /** Whether this node is one of them. */
  readonly listed: boolean;
  /** The one that may found a cluster. */
  readonly first: string | undefined;
  /** Since when they are the same; `Infinity`: none were told yet. */
  readonly since: number;
}

/** Those of the configuration. */
export function configuredSeeds({ seeds, dynamicSeeds, self }: ResolvedConfig): Seeds {
  return {
    others: seeds.filter((seed) => seed !== self.address),
    listed: seeds.includes(self.address),
    first: seeds[0],
    since: dynamicSeeds ? Infinity : -Infinity,
  };
}

/** Those that were told besides; the same object where nothing is new. */
export function withResolvedSeeds(
  known: Seeds,
  { seeds, self }: ResolvedConfig,
  told: readonly string[],
  now: number,
): Seeds {
  const all = [...new Set([...seeds, ...told])].sort(compareText);
  const others = all.filter((seed) => seed !== self.address);
  const listed = all.includes(self.address);
  const first = all[0];
  const same = known.since <= now && listed === known.listed &&
    others.length === known.others.length && others.every((one, i) => one === known.others[i]);
  return same ? known : { others, listed, first, since: now };
}
