/**
 * The file in which contracts are kept: JSON in a stable order, a field a line, so that a change of a
 * program is a short difference.
 *
 * @module
 */
import type { Contract, Contracts } from "./contract.ts";
import { ContractsError } from "./errors.ts";
import { maxNesting, type Shape, sorted } from "./shape.ts";

/** Version of the form of the file. Format 1 had no singletons, workers, broadcasts and topics. */
export const contractsFormat = 2;

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
  for (const [key, shape] of Object.entries(types)) {
    if (!isShape(shape)) throw badFile(name, `has no type at ${JSON.stringify(key)}`);
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

/** The shapes that a contract must have. */
const shapesOf: Readonly<Record<Contract["kind"], readonly string[]>> = {
  entity: ["message"],
  service: ["message"],
  singleton: ["message"],
  workers: ["message"],
  broadcast: ["message"],
  topic: ["message"],
  eventSourced: ["event", "state"],
  durableState: ["state"],
  serializer: ["data"],
};

/** Contracts whose changes depend on a version. */
const versioned: readonly string[] = ["eventSourced", "durableState", "serializer"];

function isContract(value: unknown): value is Contract {
  if (!isRecord(value) || !Object.hasOwn(shapesOf, value.kind as string)) return false;
  const kind = value.kind as Contract["kind"];
  if (versioned.includes(kind) && !Number.isSafeInteger(value.version)) return false;
  const { upcastEvent = [], upcastState = [], message } = value;
  return shapesOf[kind].every((name) => isShape(value[name])) && Array.isArray(upcastEvent) &&
    Array.isArray(upcastState) && (message === undefined || isShape(message));
}

/** Whether a value of a file is a shape: what was edited by hand must not end the comparison. */
function isShape(value: unknown, depth = 0): value is Shape {
  if (typeof value === "string") return true;
  if (!isRecord(value) || depth > maxNesting) return false;
  const inner = (part: unknown) => isShape(part, depth + 1);
  const all = (parts: unknown) =>
    Array.isArray(parts)
      ? parts.every(inner)
      : isRecord(parts) && Object.values(parts).every(inner);
  const { others, rest } = value;
  if ((others !== undefined && !inner(others)) || (rest !== undefined && !inner(rest))) {
    return false;
  }
  if ("fields" in value) return isRecord(value.fields) && all(value.fields);
  if ("by" in value) {
    return typeof value.by === "string" && isRecord(value.variants) && all(value.variants);
  }
  if ("oneOf" in value) return Array.isArray(value.oneOf) && all(value.oneOf);
  if ("tuple" in value) return Array.isArray(value.tuple) && all(value.tuple);
  if ("map" in value) return Array.isArray(value.map) && value.map.length === 2 && all(value.map);
  for (const name of ["list", "set", "ref"]) if (name in value) return inner(value[name]);
  if ("value" in value) return ["string", "number", "boolean"].includes(typeof value.value);
  return ["pattern", "serialized", "type"].some((name) => typeof value[name] === "string");
}

function badFile(name: string, what: string, cause?: unknown): ContractsError {
  return new ContractsError("badContractsFile", `${name} ${what}`, {
    value: name,
    remedy: "write it again without --check, or restore it from git",
    cause,
  });
}
