/**
 * What the option table is written in. A table is data: the judge (`accepts.ts`), the page
 * `docs/options.md` and later the reader of `casty.toml` all follow from it, so an option is described
 * once.
 *
 * @module
 */

import { maxDelay } from "../runtime/clock.ts";

/** Unit of a number. */
export type Unit = "milliseconds" | "bytes" | "days";

/** A number; numeric strings and NaN are refused. */
export interface NumberType {
  readonly kind: "number";
  readonly min: number;
  /** At most `Number.MAX_SAFE_INTEGER`, which is not shown to people. */
  readonly max: number;
  readonly whole: boolean;
  /** Whether `min` itself is refused. */
  readonly above: boolean;
  /** Whether `Infinity` is accepted beyond `max`. */
  readonly infinity: boolean;
  readonly unit: Unit | undefined;
}

/** A string. */
export interface TextType {
  readonly kind: "text";
  /** Fewest and most UTF-16 code units. */
  readonly min: number;
  readonly max: number;
  /** A rule beyond the length, and its words: "use ...". */
  readonly form: TextForm | undefined;
  /** Whether messages must not show it. */
  readonly secret: boolean;
}

/** Which strings are accepted. */
export interface TextForm {
  readonly name: string;
  readonly test: (text: string) => boolean;
  /** One that is accepted, for documentation and tests. */
  readonly example: string;
}

/** `true` or `false`. */
export interface FlagType {
  readonly kind: "flag";
}

/** One of several strings, or `false`. */
export interface ChoiceType {
  readonly kind: "choice";
  readonly values: readonly (string | false)[];
}

/** An array; a string is refused. */
export interface ListType {
  readonly kind: "list";
  readonly of: OptionType;
  readonly min: number;
  readonly max: number;
}

/** An object with any keys, all values of one type; also a `Map` if `map`. */
export interface RecordType {
  readonly kind: "record";
  readonly key: TextType;
  readonly of: TextType;
  readonly max: number;
  readonly map: boolean;
}

/** An object of options. */
export interface GroupType {
  readonly kind: "group";
  readonly table: OptionTable;
}

/** A function, or an object with methods: cannot stand in a file. */
export interface CodeType {
  readonly kind: "code";
  /** Completes "use ...". */
  readonly name: string;
  readonly test: (value: unknown) => boolean;
  /** What to do about a value that is often given in its place; undefined: no special advice. */
  readonly advice: ((value: unknown) => string | undefined) | undefined;
}

/** Any of several types. */
export interface EitherType {
  readonly kind: "either";
  readonly of: readonly OptionType[];
}

/** What an option accepts. */
export type OptionType =
  | NumberType
  | TextType
  | FlagType
  | ChoiceType
  | ListType
  | RecordType
  | GroupType
  | CodeType
  | EitherType;

/** One option. `D` is the type of its default; undefined if it has none of its own. */
export interface Option<D = unknown> {
  readonly type: OptionType;
  /** What it is for, one or two sentences for `docs/options.md`. */
  readonly text: string;
  /** The value that is used when it is not given. */
  readonly default: D;
  /** In words, where `default` is not a literal. */
  readonly defaultText: string | undefined;
  readonly required: boolean;
}

/** Options by name. */
export type Options = Readonly<Record<string, Option>>;

/** All options of one object. */
export interface OptionTable<O extends Options = Options> {
  /** What takes the object, for messages and as the title in `docs/options.md`. */
  readonly owner: string;
  /** Section of `casty.toml`; undefined: none, since nothing of it is configured there. */
  readonly section: string | undefined;
  readonly options: O;
  /** Names of those that must be given. */
  readonly required: readonly string[];
  /** The literal defaults, frozen. */
  readonly defaults: Defaults<O>;
  /** What to do about a value that is no object of options; undefined: no special advice. */
  readonly advice: ((value: unknown) => string | undefined) | undefined;
}

/** Keys of the options that have a literal default. */
export type DefaultedKeys<O extends Options> = {
  [K in keyof O]: O[K]["default"] extends undefined ? never : K;
}[keyof O];

/** The literal defaults of a table. */
export type Defaults<O extends Options> = { readonly [K in DefaultedKeys<O>]: O[K]["default"] };

/** What is said of an option besides its type. */
interface OptionFacts {
  readonly text: string;
  readonly defaultText?: string;
  readonly required?: boolean;
}

/** Describes one option, with a literal default. */
export function option<const D>(
  type: OptionType,
  facts: OptionFacts & { readonly default: D },
): Option<D>;
/** Describes one option, without one. */
export function option(type: OptionType, facts: OptionFacts): Option<undefined>;
export function option(
  type: OptionType,
  { text, default: value, defaultText, required = false }: OptionFacts & { default?: unknown },
): Option {
  return { type, text, default: value, defaultText, required };
}

/** Describes the options of one object. */
export function optionTable<O extends Options>(
  owner: string,
  options: O,
  { section, advice }: {
    readonly section?: string;
    readonly advice?: (value: unknown) => string | undefined;
  } = {},
): OptionTable<O> {
  // Without a prototype: `constructor` is no option.
  const own: O = Object.assign(Object.create(null), options);
  const required = Object.keys(options).filter((name) => options[name]!.required);
  return { owner, section, options: own, required, defaults: literalDefaults(options), advice };
}

function literalDefaults<O extends Options>(options: O): Defaults<O> {
  const entries = Object.entries(options).filter(([, { default: value }]) => value !== undefined);
  return Object.freeze(
    Object.fromEntries(entries.map(([name, { default: value }]) => [name, value])),
  ) as Defaults<O>;
}

/** Options without some of them: for objects that take what another takes. */
export function without<O extends Options, const K extends keyof O>(
  options: O,
  ...names: readonly K[]
): Omit<O, K> {
  const left = Object.entries(options).filter(([name]) =>
    !(names as readonly string[]).includes(name)
  );
  return Object.fromEntries(left) as Omit<O, K>;
}

/** The same options, none of them required. */
export function optional<O extends Options>(options: O): O {
  return Object.fromEntries(
    Object.entries(options).map(([name, one]) => [name, { ...one, required: false }]),
  ) as O;
}

/** A number from `min` to `max`. */
export function number(
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
  more: Partial<Pick<NumberType, "whole" | "above" | "infinity" | "unit">> = {},
): NumberType {
  const { whole = false, above = false, infinity = false, unit } = more;
  return { kind: "number", min, max, whole, above, infinity, unit };
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max?: number): NumberType {
  return number(min, max, { whole: true });
}

/** A whole number of at least `min`, or `Infinity`. */
export function countOrInfinity(min: number): NumberType {
  return number(min, undefined, { whole: true, infinity: true });
}

/** A time that a timer can wait. */
export function milliseconds(min: number, max: number = maxDelay): NumberType {
  return number(min, max, { unit: "milliseconds" });
}

/** A size. */
export function bytes(min: number, max?: number): NumberType {
  return number(min, max, { whole: true, unit: "bytes" });
}

/** A string. */
export function text(
  min: number,
  max: number,
  form?: TextForm,
  { secret = false }: { readonly secret?: boolean } = {},
): TextType {
  return { kind: "text", min, max, form, secret };
}

/** One of several values. */
export function choice(...values: readonly (string | false)[]): ChoiceType {
  return { kind: "choice", values };
}

/** An array. */
export function list(of: OptionType, min = 0, max = Number.MAX_SAFE_INTEGER): ListType {
  return { kind: "list", of, min, max };
}

/** An object of options. */
export function group(table: OptionTable): GroupType {
  return { kind: "group", table };
}

/** A function, or an object with methods. */
export function code(
  name: string,
  test: (value: unknown) => boolean,
  advice?: (value: unknown) => string | undefined,
): CodeType {
  return { kind: "code", name, test, advice };
}

/** A function; `what` says of what, such as "a function of the message". */
export function callback(what: string): CodeType {
  return code(what, (value) => typeof value === "function");
}

/** An object with certain methods. */
export function objectWith(what: string, ...methods: readonly string[]): CodeType {
  return code(what, (value) =>
    typeof value === "object" && value !== null &&
    methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function"));
}

/** Any of several types. */
export function either(...of: readonly OptionType[]): EitherType {
  return { kind: "either", of };
}

/** `true` or `false`. */
export const flag: FlagType = { kind: "flag" };

/** Any value but `undefined`. */
export const anything: CodeType = code("any value", () => true);

/** Whether the option can stand in a file: some of its types are data. */
export function isConfigurable(type: OptionType): boolean {
  switch (type.kind) {
    case "code":
      return false;
    case "either":
      return type.of.some(isConfigurable);
    case "list":
      return isConfigurable(type.of);
    case "group":
      return Object.values(type.table.options).some(({ type }) => isConfigurable(type));
    default:
      return true;
  }
}
