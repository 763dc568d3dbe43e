/**
 * The seeds of a node: those of its configuration, and those that answers about dynamic seeds have
 * named lately. Answers may differ from one to the next (a name server may return a part of the
 * records each time), so all addresses of a time window count. Pure.
 *
 * @module
 */
import type { ResolvedConfig } from "../machine/config.ts";
import { compareText } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** The seeds of a node. Immutable. */
export interface Seeds {
  /** Without this node. */
  readonly others: readonly string[];
  /** Whether this node is a seed. */
  readonly listed: boolean;
  /** The seed that may bootstrap a cluster. */
  readonly first: string | undefined;
  /**
   * Since when answers are collected without a long gap; `Infinity`: there is none yet. `-Infinity`:
   * the seeds are not dynamic.
   */
  readonly since: number;
  /** Addresses that answers have named within the window, and when each was named last. */
  readonly named: ReadonlyMap<string, number>;
  /** The latest answer, and when it came. */
  readonly latest: { readonly addresses: readonly string[]; readonly at: number };
  /** How many answers differed from the one before. */
  readonly changes: number;
  /** The address of the node behind an address of the list, where it is another. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** Windows without an answer after which a different answer starts the collection again. */
const maxGap = 2;

/** Part of the configuration that decides about seeds. */
export type SeedConfig = Pick<ResolvedConfig, "seeds" | "dynamicSeeds" | "self" | "seedWindow">;

/** The seeds of the configuration. */
export function configuredSeeds(config: SeedConfig): Seeds {
  return withAddresses({
    others: [],
    listed: false,
    first: undefined,
    since: config.dynamicSeeds ? Infinity : -Infinity,
    named: new Map(),
    latest: { addresses: [], at: -Infinity },
    changes: 0,
    aliases: new Map(),
  }, config);
}

/** The seeds after an answer about dynamic ones. */
export function withResolvedSeeds(
  known: Seeds,
  config: SeedConfig,
  resolved: readonly string[],
  now: number,
): Seeds {
  const { seedWindow } = config;
  const { addresses, at: before } = known.latest;
  // At least the answer before this one counts, however long it took.
  const from = rules.allNamedSeedsCount ? Math.min(now - seedWindow, before) : now;
  const named = new Map([...known.named].filter(([, at]) => at >= from));
  for (const address of resolved) named.set(address, now);
  const isFirst = known.since === Infinity;
  const isSame = addresses.length === resolved.length &&
    addresses.every((one, index) => one === resolved[index]);
  const isAfterGap = now - before > maxGap * seedWindow && !isSame;
  return withAddresses({
    ...known,
    since: isFirst || isAfterGap ? now : known.since,
    named,
    latest: { addresses: resolved, at: now },
    changes: isFirst || isSame ? known.changes : known.changes + 1,
  }, config);
}

/** The seeds once it is known that the node behind `of` has the address `address`. */
export function withAlias(
  known: Seeds,
  config: SeedConfig,
  { of, address }: { readonly of: string; readonly address: string },
): Seeds {
  return withAddresses({ ...known, aliases: new Map(known.aliases).set(of, address) }, config);
}

/** Whether an address is one of the list, under the name that the list has for it. */
export function isListedAs({ named }: Seeds, { seeds }: SeedConfig, address: string): boolean {
  return seeds.includes(address) || named.has(address);
}

/**
 * A sentence about answers that differ from each other; undefined: they do not. `now` on the clock of
 * the answers.
 */
export function describeChanges(
  { named, latest, changes }: Seeds,
  { seedWindow }: SeedConfig,
  now: number,
): string | undefined {
  const all = [...named].filter(([, at]) => now - at <= seedWindow).map(([address]) => address);
  if (changes < 2 || all.length <= latest.addresses.length) return undefined;
  return `the answers about the seeds keep changing (${changes} times so far): the latest one names ` +
    `${list(latest.addresses)}, those of the last ${seedWindow / 1_000} s ${list(all.sort())}; a ` +
    "majority of all these is needed";
}

/** Addresses that are shown in one sentence. */
const maxShown = 10;

function list(addresses: readonly string[]): string {
  const shown = addresses.slice(0, maxShown).join(", ");
  const more = addresses.length - maxShown;
  return more > 0 ? `${shown} and ${more} more` : shown || "none";
}

/** Derives what depends on the addresses. */
function withAddresses(seeds: Seeds, { seeds: configured, dynamicSeeds, self }: SeedConfig): Seeds {
  const actual = (address: string) => seeds.aliases.get(address) ?? address;
  const all = [...new Set([...configured, ...seeds.named.keys()].map(actual))];
  // No answer has an order that all nodes would see.
  if (dynamicSeeds) all.sort(compareText);
  return {
    ...seeds,
    others: all.filter((seed) => seed !== self.address),
    listed: all.includes(self.address),
    first: all[0],
  };
}
