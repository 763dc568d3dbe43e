/**
 * Compares the contracts of two versions of a program. Pure.
 *
 * @module
 */
import type { Contract, Contracts, DurableContract, SerializerContract } from "./contract.ts";
import { type RuleName, rules } from "./rules.ts";
import { isSameIn } from "./same_shape.ts";
import type { Shape } from "./shape.ts";
import { type ShapeChange, shapeChanges } from "./shape_changes.ts";

/** A difference between the contracts of two versions. */
export interface ContractChange {
  readonly rule: RuleName;
  /** Such as `durable account`. */
  readonly contract: string;
  /** Where in it, such as `event "deposited".amount`; empty: the whole. */
  readonly place: string;
  /** What was there, as text; empty: nothing. */
  readonly before: string;
  readonly after: string;
  /** Whether a program of one version cannot use what one of the other writes. */
  readonly isBreaking: boolean;
  /** Which of the two; only if it is breaking. */
  readonly why: string;
  /** What to do instead; only if it is breaking. */
  readonly remedy: string;
}

/** What is different in `after`, in the order of contracts. */
export function contractChanges(before: Contracts, after: Contracts): readonly ContractChange[] {
  return new ContractComparison(before, after).changes();
}

const missing = {
  entity: { removed: "entityTypeRemoved", renamed: "entityTypeRenamed" },
  service: { removed: "serviceRemoved", renamed: "serviceRenamed" },
  singleton: { removed: "singletonRemoved", renamed: "singletonRenamed" },
  workers: { removed: "workersRemoved", renamed: "workersRenamed" },
  broadcast: { removed: "broadcastRemoved", renamed: "broadcastRenamed" },
  topic: { removed: "topicRemoved", renamed: "topicRenamed" },
  eventSourced: { removed: "kindRemoved", renamed: "kindRenamed" },
  durableState: { removed: "kindRemoved", renamed: "kindRenamed" },
  serializer: { removed: "serializerRemoved", renamed: "serializerRenamed" },
} as const;

/** Contracts of which nothing is stored. */
const onlyMessages: readonly string[] = [
  "entity",
  "service",
  "singleton",
  "workers",
  "broadcast",
  "topic",
];

class ContractComparison {
  readonly #before: Contracts;
  readonly #after: Contracts;
  readonly #changes: ContractChange[] = [];

  constructor(before: Contracts, after: Contracts) {
    this.#before = before;
    this.#after = after;
  }

  changes(): readonly ContractChange[] {
    const { contracts: before } = this.#before;
    const { contracts: after } = this.#after;
    const added = Object.keys(after).filter((key) => !Object.hasOwn(before, key));
    for (const [key, contract] of Object.entries(before)) {
      const now = Object.hasOwn(after, key) ? after[key] : undefined;
      if (now !== undefined) this.#compare(key, contract, now);
      else this.#missing(key, contract, added);
    }
    for (const key of added) this.#add("contractAdded", key, "", "", after[key]!.kind);
    return this.#changes;
  }

  /** A contract is gone: renamed, if a new one is the same. */
  #missing(key: string, contract: Contract, added: string[]): void {
    const index = added.findIndex((other) => this.#isSame(contract, this.#after.contracts[other]!));
    const { removed, renamed } = missing[contract.kind];
    if (index < 0) return this.#add(removed, key, "", contract.kind, "");
    const [other] = added.splice(index, 1);
    this.#add(renamed, key, "", key, other!);
  }

  #isSame(before: Contract, after: Contract): boolean {
    if (before.kind !== after.kind) return false;
    const [a, b] = [shapesOf(before), shapesOf(after)];
    return Object.keys(a).every((name) =>
      b[name] === undefined ||
      isSameIn(a[name]!, this.#before.types, b[name]!, this.#after.types)
    );
  }

  #compare(key: string, before: Contract, after: Contract): void {
    if (before.kind === "entity" && after.kind === "entity") {
      this.#compareNumber("shardCountChanged", key, "numShards", before, after);
    }
    if (before.kind === "workers" && after.kind === "workers") {
      this.#compareNumber("workerCountChanged", key, "count", before, after);
    }
    if (before.kind === after.kind && onlyMessages.includes(before.kind)) {
      return this.#compareMessages(key, before, after, "message");
    }
    if (before.kind === "serializer" && after.kind === "serializer") {
      return this.#compareSerializer(key, before, after);
    }
    if (isDurable(before) && isDurable(after)) this.#compareDurable(key, before, after);
  }

  #compareNumber<N extends string>(
    rule: RuleName,
    key: string,
    name: N,
    before: { readonly [name in N]?: number },
    after: { readonly [name in N]?: number },
  ): void {
    const [a, b] = [before[name], after[name]];
    if (a !== undefined && b !== undefined && a !== b) {
      this.#add(rule, key, name, String(a), String(b));
    }
  }

  #compareSerializer(key: string, before: SerializerContract, after: SerializerContract): void {
    if (before.version === after.version) {
      return this.#compareMessages(key, before, after, "data", "give it another name");
    }
    this.#add("serializerVersionChanged", key, "", `${before.version}`, `${after.version}`);
  }

  /** In a rolling upgrade messages travel both ways between old and new programs. */
  #compareMessages(
    key: string,
    before: Contract,
    after: Contract,
    part: "message" | "data",
    otherwise?: string,
  ): void {
    const [a, b] = [shapesOf(before)[part], shapesOf(after)[part]];
    if (a === undefined || b === undefined) return;
    for (const change of this.#shapeChanges(a, b)) this.#addShape(key, part, change, otherwise);
  }

  #compareDurable(key: string, before: DurableContract, after: DurableContract): void {
    if (before.kind !== after.kind) {
      return this.#add("storageChanged", key, "", before.kind, after.kind);
    }
    this.#compareMessages(key, before, after, "message");
    this.#compareUpcasters(key, before, after);
    const [a, b] = [before.version, after.version];
    if (b < a) this.#add("versionWentBack", key, "schema.version", String(a), String(b));
    if (b > a) this.#add("versionRaised", key, "schema.version", String(a), String(b));
    if (before.event !== undefined && after.event !== undefined) {
      const changes = this.#shapeChanges(before.event, after.event);
      this.#addStored(key, "event", changes, before, after, after.upcastEvent);
    }
    // States of event-sourced actors without snapshots are never stored.
    if (before.kind === "eventSourced" && !before.snapshots) return;
    const changes = this.#shapeChanges(before.state, after.state);
    this.#addStored(key, "state", changes, before, after, after.upcastState);
  }

  #compareUpcasters(key: string, before: DurableContract, after: DurableContract): void {
    for (const name of ["upcastEvent", "upcastState"] as const) {
      const [a, b] = [before[name] ?? [], after[name] ?? []];
      for (const version of a) {
        if (!b.includes(version)) this.#add("upcasterRemoved", key, name, `${version}`, "");
      }
      for (const version of b) {
        if (!a.includes(version)) this.#add("upcasterAdded", key, name, "", `${version}`);
      }
    }
  }

  /**
   * Of one version, what is stored is read by old and new programs: shards move both ways in a
   * rolling upgrade. A higher version is refused by old programs, and upcasters make up for changes.
   */
  #addStored(
    key: string,
    part: "event" | "state",
    changes: readonly ShapeChange[],
    before: DurableContract,
    after: DurableContract,
    upcasters: readonly number[] = [],
  ): void {
    const isRaised = after.version > before.version;
    const isUpcast = isRaised &&
      upcasters.some((version) => version >= before.version && version < after.version);
    for (const change of changes) {
      if (!isRaised) {
        this.#addShape(key, part, change, versionRemedy(part, before.version, change));
      } else if (change.newReader && !isUpcast) {
        const name = part === "event" ? "upcastEvent" : "upcastState";
        const remedy = `add schema.${name}[${before.version}], which makes up for it`;
        const { before: was, after: now } = change;
        this.#add("upcasterMissing", key, `${part}${change.path}`, was, now, remedy, change.rule);
      } else {
        this.#addShape(key, part, { ...change, newReader: false, oldReader: false });
      }
    }
  }

  #shapeChanges(before: Shape, after: Shape): readonly ShapeChange[] {
    return shapeChanges(before, this.#before.types, after, this.#after.types);
  }

  #addShape(key: string, part: string, change: ShapeChange, otherwise?: string): void {
    const { rule, path, before, after, newReader, oldReader } = change;
    const isBreaking = newReader || oldReader;
    const { text, remedy } = rules[rule];
    this.#changes.push({
      rule,
      contract: key,
      place: `${part}${path}`,
      before,
      after,
      isBreaking,
      why: isBreaking ? text : "",
      remedy: isBreaking ? joined(remedy, otherwise) : "",
    });
  }

  #add(
    rule: RuleName,
    contract: string,
    place: string,
    before: string,
    after: string,
    otherwise?: string,
    because?: RuleName,
  ): void {
    const { newReader, oldReader, remedy } = rules[rule];
    const isBreaking = newReader || oldReader;
    const why = because === undefined ? rules[rule].text : `${rules[rule].text} (${because})`;
    this.#changes.push({
      rule,
      contract,
      place,
      before,
      after,
      isBreaking,
      why: isBreaking ? why : "",
      remedy: isBreaking ? otherwise ?? remedy : "",
    });
  }
}

function isDurable(contract: Contract): contract is DurableContract {
  return contract.kind === "eventSourced" || contract.kind === "durableState";
}

function shapesOf(contract: Contract): Readonly<Record<string, Shape>> {
  const found: Record<string, Shape> = {};
  for (const name of ["message", "event", "state", "data"] as const) {
    const shape = (contract as Partial<Record<typeof name, Shape>>)[name];
    if (shape !== undefined) found[name] = shape;
  }
  return found;
}

/** What helps with stored values, and not with messages. */
function versionRemedy(part: "event" | "state", version: number, change: ShapeChange): string {
  const raise = `raise schema.version to ${version + 1}`;
  if (!change.newReader) return `${raise}: then old programs refuse what they do not know`;
  const name = part === "event" ? "upcastEvent" : "upcastState";
  return `${raise} and add schema.${name}[${version}]`;
}

function joined(remedy: string, otherwise: string | undefined): string {
  return otherwise === undefined ? remedy : `${remedy}; or ${otherwise}`;
}
