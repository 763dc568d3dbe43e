/**
 * Shrinks a list of faults while the scenario still fails in the same way: delta debugging (Zeller
 * and Hildebrandt, 2002), then each remaining fault separately.
 *
 * @module
 */
import type { Fault } from "./fault.ts";

/** Whether the scenario fails in the same way with these faults. */
export type FailsWith = (faults: readonly Fault[]) => Promise<boolean>;

/** Removes or weakens faults while `fails` returns true, for at most `maxTrials` trials. */
export async function shrinkFaults(
  faults: readonly Fault[],
  fails: FailsWith,
  maxTrials: number,
): Promise<readonly Fault[]> {
  let trials = 0;
  const known = new Map<string, boolean>();
  const stillFails = async (candidate: readonly Fault[]): Promise<boolean> => {
    const key = JSON.stringify(candidate);
    const answer = known.get(key);
    if (answer !== undefined) return answer;
    if (trials >= maxTrials) return false;
    trials++;
    const outcome = await fails(candidate);
    known.set(key, outcome);
    return outcome;
  };
  if (faults.length > 0 && await stillFails([])) return [];
  const fewer = await fewest(faults, stillFails);
  return await smaller(fewer, stillFails);
}

/** A list from which no fault can be left out. */
async function fewest(faults: readonly Fault[], fails: FailsWith): Promise<readonly Fault[]> {
  let current = faults;
  let parts = 2;
  while (current.length > 1) {
    const shorter = await withoutOnePart(current, Math.min(parts, current.length), fails);
    if (shorter !== undefined) {
      current = shorter;
      parts = Math.max(2, parts - 1);
    } else if (parts >= current.length) return current;
    else parts *= 2;
  }
  return current;
}

async function withoutOnePart(
  faults: readonly Fault[],
  parts: number,
  fails: FailsWith,
): Promise<readonly Fault[] | undefined> {
  const size = Math.ceil(faults.length / parts);
  // The later ones first: faults after the failure are irrelevant.
  for (let part = parts - 1; part >= 0; part--) {
    const rest = faults.filter((_, index) => Math.floor(index / size) !== part);
    if (rest.length < faults.length && await fails(rest)) return rest;
  }
}

/** Shorter spans and fewer options, one fault after the other. */
async function smaller(faults: readonly Fault[], fails: FailsWith): Promise<readonly Fault[]> {
  let current = faults;
  for (let index = 0; index < current.length; index++) {
    for (let round = 0; round < maxRounds; round++) {
      const candidates = simpler(current[index]!).map((fault) => current.with(index, fault));
      let found: readonly Fault[] | undefined;
      for (const candidate of candidates) {
        if (found === undefined && await fails(candidate)) found = candidate;
      }
      if (found === undefined) break;
      current = found;
    }
  }
  return current;
}

/** Halvings of one span. */
const maxRounds = 12;

function simpler(fault: Fault): Fault[] {
  const simpler: Fault[] = [];
  if ("for" in fault && fault.for >= 2) simpler.push({ ...fault, for: Math.floor(fault.for / 2) });
  if ("and" in fault && fault.type === "partition") {
    for (const side of ["between", "and"] as const) {
      if (fault[side].length < 2) continue;
      for (const node of fault[side]) {
        simpler.push({ ...fault, [side]: fault[side].filter((other) => other !== node) });
      }
    }
  }
  return simpler;
}
