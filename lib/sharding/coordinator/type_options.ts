/**
 * Options of a type that are to be the same at all nodes: where they differ, what one node promises does
 * not hold at another, to which the shard may move. Nodes report them, and the coordinator compares.
 *
 * @module
 */
import { isRecord } from "../routing/message_fields.ts";

/** Options that differ from their defaults, as texts, by their names. */
export type TypeOptions = Readonly<Record<string, string>>;

/** Options that two nodes have given differently. */
export interface OptionDifference {
  readonly shardType: string;
  /** The node that was compared with, and the one that has something else. */
  readonly node: string;
  readonly other: string;
  /** Each option with what either has, `"option: node | other"`. */
  readonly options: readonly string[];
}

const maxOptions = 16;
const maxText = 200;
/** Differences that `explain` names. */
const maxExplained = 20;
const byDefault = "default";

/** The options in a report; undefined: it has none, or they are malformed. */
export function parseTypeOptions(value: unknown): TypeOptions | undefined {
  if (!isRecord(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length > maxOptions) return undefined;
  const isText = (text: unknown) => typeof text === "string" && text.length <= maxText;
  return entries.every((entry) => entry.every(isText)) ? value as TypeOptions : undefined;
}

/** What was reported of one type. */
interface ReportedType {
  /** The options of each node that has reported it, the first report first. */
  readonly byNode: Map<string, TypeOptions>;
  /** Nodes of which a difference was answered. */
  readonly answered: Set<string>;
}

/**
 * The one judge of whether nodes have given a type the same options: compares each report with that of
 * the node that has reported the type first. Pure.
 *
 * Invariant: of each type and node at most one difference is answered until the node has gone, whatever
 * it reports, so that a member cannot fill the log.
 */
export class TypeAgreement {
  readonly #types = new Map<string, ReportedType>();

  /**
   * Takes what a node has reported of a type; nodes of earlier versions report no options. Answers what
   * differs, unless a difference of that node was answered before.
   */
  report(
    shardType: string,
    node: string,
    options: TypeOptions | undefined,
  ): readonly OptionDifference[] {
    if (options === undefined) return none;
    let type = this.#types.get(shardType);
    if (type === undefined) {
      this.#types.set(shardType, type = { byNode: new Map(), answered: new Set() });
    }
    const { byNode, answered } = type;
    byNode.set(node, options);
    const isFirst = byNode.keys().next().value === node;
    // The others are compared with the first, which has something else now.
    const differing = isFirst
      ? differencesIn(shardType, type)
      : differencesIn(shardType, type, node);
    const news = differing.filter(({ other }) => !answered.has(other));
    for (const { other } of news) answered.add(other);
    return news;
  }

  /** What differs now, in words; the first of many. */
  explain(): readonly string[] {
    const lines: string[] = [];
    for (const [shardType, type] of this.#types) {
      for (const { node, other, options } of differencesIn(shardType, type)) {
        if (lines.length === maxExplained) return [...lines, "more types have different options"];
        lines.push(
          `"${shardType}" has different options at ${node} and ${other}: ${options.join("; ")}`,
        );
      }
    }
    return lines;
  }

  /** A node has gone. */
  forget(gone: string): void {
    for (const [shardType, { byNode, answered }] of this.#types) {
      byNode.delete(gone);
      answered.delete(gone);
      if (byNode.size === 0) this.#types.delete(shardType);
    }
  }

  /** Another node leads. */
  clear(): void {
    this.#types.clear();
  }
}

const none: readonly OptionDifference[] = [];

/** What differs from the first report of a type: at all nodes, or at one. */
function differencesIn(
  shardType: string,
  { byNode }: ReportedType,
  only?: string,
): readonly OptionDifference[] {
  const [first] = byNode;
  if (first === undefined) return none;
  const [node, has] = first;
  const others = only === undefined ? byNode.keys() : [only];
  return Array.from(others).flatMap((other): OptionDifference[] => {
    const options = differingOptions(has, byNode.get(other)!);
    return options.length === 0 ? [] : [{ shardType, node, other, options }];
  });
}

/** Options that two nodes have given differently, `"option: one | other"`. */
export function differingOptions(one: TypeOptions, other: TypeOptions): readonly string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].flatMap((option) => {
    const [has, otherHas] = [one[option] ?? byDefault, other[option] ?? byDefault];
    return has === otherHas ? [] : [`${option}: ${has} | ${otherHas}`];
  });
}
