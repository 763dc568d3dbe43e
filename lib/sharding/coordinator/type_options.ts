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
/** Differences that are remembered as answered. */
const maxKnown = 10_000;
const byDefault = "default";

/** The options in a report; undefined: it has none, or they are malformed. */
export function parseTypeOptions(value: unknown): TypeOptions | undefined {
  if (!isRecord(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length > maxOptions) return undefined;
  const isText = (text: unknown) => typeof text === "string" && text.length <= maxText;
  return entries.every((entry) => entry.every(isText)) ? value as TypeOptions : undefined;
}

/**
 * The one judge of whether nodes have given a type the same options: compares each report with that of
 * the node that has reported the type first. Pure.
 */
export class TypeAgreement {
  readonly #first = new Map<string, { readonly node: string; readonly options: TypeOptions }>();
  readonly #known = new Set<string>();

  /**
   * Takes what a node has reported of a type; nodes of earlier versions report no options. Answers what
   * differs, unless all of it was answered before.
   */
  report(
    shardType: string,
    other: string,
    options: TypeOptions | undefined,
  ): OptionDifference | undefined {
    if (options === undefined) return undefined;
    const first = this.#first.get(shardType);
    if (first === undefined || first.node === other) {
      this.#first.set(shardType, { node: other, options });
      return undefined;
    }
    const { node } = first;
    const names = new Set([...Object.keys(first.options), ...Object.keys(options)]);
    const differing = [...names].flatMap((option) => {
      const [has, otherHas] = [first.options[option] ?? byDefault, options[option] ?? byDefault];
      return has === otherHas ? [] : [`${option}: ${has} | ${otherHas}`];
    });
    const key = JSON.stringify([shardType, node, other, differing]);
    if (differing.length === 0 || this.#known.has(key)) return undefined;
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.add(key);
    return { shardType, node, other, options: differing };
  }

  /** A node has gone: others are not compared with it any more. */
  forget(gone: string): void {
    for (const [shardType, { node }] of this.#first) {
      if (node === gone) this.#first.delete(shardType);
    }
  }

  /** Another node leads. */
  clear(): void {
    this.#first.clear();
    this.#known.clear();
  }
}
