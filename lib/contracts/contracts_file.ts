/**
 * The file in which contracts are kept: JSON in a stable order, a field a line, so that a change of a
 * program is a short difference.
 *
 * @module
 */
import type { Contract, Contracts } from "./contract.ts";
import { ContractsError } from "./errors.ts";
import { type Shape, sorted } from "./shape.ts";

/** Version of the form of the file. */
export const contractsFormat = 1;

/** The text of the file. */
export function contractsText({ contracts, types }: Contracts): string {
  const file = {
    format: contractsFormat,
    contracts: sorted(contracts),
    types: sorted(usedTypes(contracts, types)),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/**
 * The contracts in a file.
 *
 * @throws {ContractsError} codes `badContractsFile`, `futureContractsFile`.
 */
export function parseContracts(text: string, name: string): Contracts {
  let file: { format?: unknown; contracts?: unknown; types?: unknown };
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw badFile(name, "is no JSON", cause);
  }
  const { format, contracts, types = {} } = file ?? {};
  if (typeof format !== "number" || !isRecord(contracts) || !isRecord(types)) {
    throw badFile(name, "is no file of contracts");
  }
  if (format > contractsFormat) {
    throw new ContractsError(
      "futureContractsFile",
      `${name} has format ${format}, and this program knows up to ${contractsFormat}`,
      { value: format, remedy: "use the version of Casty that wrote it, or a newer one" },
    );
  }
  for (const [key, contract] of Object.entries(contracts)) {
    if (!isContract(contract)) throw badFile(name, `has no contract at ${JSON.stringify(key)}`);
  }
  return { contracts: contracts as Contracts["contracts"], types: types as Contracts["types"] };
}

/** What is written after a comparison: a kind that has ever had snapshots keeps that mark. */
export function succeeding(before: Contracts, after: Contracts): Contracts {
  const contracts = Object.entries(after.contracts).map(([key, contract]) => {
    const old = Object.hasOwn(before.contracts, key) ? before.contracts[key] : undefined;
    const hadSnapshots = old?.kind === "eventSourced" && old.snapshots === true;
    const isKept = hadSnapshots && contract.kind === "eventSourced";
    return [key, isKept ? { ...contract, snapshots: true } : contract];
  });
  return { contracts: Object.fromEntries(contracts), types: after.types };
}

/** The types that contracts lead to. */
function usedTypes(
  contracts: Contracts["contracts"],
  types: Contracts["types"],
): Record<string, Shape> {
  const used: Record<string, Shape> = {};
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { type } = value as { type?: unknown };
    // A field may have the name `type`: then nothing is lost by keeping one type more.
    if (typeof type === "string" && Object.hasOwn(types, type) && !Object.hasOwn(used, type)) {
      used[type] = types[type]!;
      visit(types[type]);
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(contracts);
  return used;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const kinds: readonly string[] = [
  "entity",
  "service",
  "eventSourced",
  "durableState",
  "serializer",
] satisfies readonly Contract["kind"][];

function isContract(value: unknown): value is Contract {
  return isRecord(value) && kinds.includes(value.kind as string);
}

function badFile(name: string, what: string, cause?: unknown): ContractsError {
  return new ContractsError("badContractsFile", `${name} ${what}`, {
    value: name,
    remedy: "write it again without --check, or restore it from git",
    cause,
  });
}
