/**
 * What `casty contracts` says about a comparison.
 *
 * @module
 */
import type { ContractChange } from "../contracts/contract_changes.ts";
import { type Problem, problemText } from "../contracts/problem.ts";
import type { RuleName } from "../contracts/rules.ts";

/** A comparison and its outcome. */
export interface Comparison {
  /** How many there are. */
  readonly contracts: number;
  readonly changes: readonly ContractChange[];
  readonly accepted: ReadonlySet<RuleName>;
  readonly notes: readonly Problem[];
  /** The file of contracts. */
  readonly file: string;
  /** There was no file. */
  readonly isNew: boolean;
  readonly isWritten: boolean;
  /** The file lacks changes. */
  readonly isBehind: boolean;
  readonly isCheck: boolean;
}

interface Sorted {
  readonly breaking: readonly ContractChange[];
  readonly accepted: readonly ContractChange[];
  readonly safe: readonly ContractChange[];
}

function sort({ changes, accepted }: Comparison): Sorted {
  return {
    breaking: changes.filter(({ isBreaking, rule }) => isBreaking && !accepted.has(rule)),
    accepted: changes.filter(({ isBreaking, rule }) => isBreaking && accepted.has(rule)),
    safe: changes.filter(({ isBreaking }) => !isBreaking),
  };
}

/** For programs. */
export function comparisonJson(comparison: Comparison): string {
  const { notes } = comparison;
  return `${JSON.stringify({ ...sort(comparison), problems: [], notes }, undefined, 2)}\n`;
}

/** For people. */
export function comparisonText(comparison: Comparison): string {
  const { breaking, accepted, safe } = sort(comparison);
  const lines = [
    ...comparison.notes.map((note) => `not checked: ${problemText(note)}`),
    ...breaking.map(breakingText),
    ...accepted.map((change) => `accepted ${changeText(change)}`),
    ...safe.map((change) => `safe     ${changeText(change)}`),
    summary(comparison, breaking),
  ];
  return `${lines.join("\n")}\n`;
}

function breakingText(change: ContractChange): string {
  return `BREAKING ${changeText(change)}
         ${change.why}
         Remedy: ${change.remedy}`;
}

/** Such as `fieldRemoved: entity counters, message.amount (was number)`. */
function changeText({ rule, contract, place, before, after }: ContractChange): string {
  const where = place === "" ? contract : `${contract}, ${place}`;
  if (before === "" && after === "") return `${rule}: ${where}`;
  if (before === "") return `${rule}: ${where} (${after})`;
  return `${rule}: ${where} (${after === "" ? `was ${before}` : `${before} -> ${after}`})`;
}

function summary(comparison: Comparison, breaking: readonly ContractChange[]): string {
  const { contracts, changes, file, isNew, isWritten, isBehind, isCheck } = comparison;
  const all = count(contracts, "contract");
  if (breaking.length > 0) {
    const rule = breaking[0]!.rule;
    const written = isCheck ? "" : ` ${file} was not written.`;
    return `${count(breaking.length, "breaking change")}.${written} ` +
      `If no program is affected: --accept ${rule}`;
  }
  if (isNew) return `${all}: ${file} is new; commit it`;
  if (isWritten) return `${all}: ${file} was written; commit it`;
  if (isBehind) return `${all}: nothing is broken; write ${file} without --check`;
  return changes.length === 0 ? `${all}: nothing has changed` : `${all}: nothing is broken`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
