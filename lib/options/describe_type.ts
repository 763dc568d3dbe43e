import type { NumberType, OptionType, TextType } from "./option.ts";

/** What a type accepts, to complete "use ..." in messages: with range and unit. */
export function describeType(type: OptionType): string {
  switch (type.kind) {
    case "number":
      return describeNumber(type);
    case "text":
      return describeText(type);
    case "flag":
      return "true or false";
    case "choice":
      return anyOf(type.values.map((value) => JSON.stringify(value)));
    case "list":
      return `a list of ${listCount(type.min, type.max)}${describeItems(type.of)}`;
    case "record":
      return `an object ${type.map ? "or a Map " : ""}of ${describeEntries(type)}`;
    case "group":
      return `an object with ${Object.keys(type.table.options).join(", ")}`;
    case "code":
      return type.name;
    case "either":
      return anyOf(type.of.map(describeType));
  }
}

/** `a, b or c`. */
export function anyOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** The range of a number, such as "from 1 to 10" or "above 0". */
export function describeRange({ min, max, above, infinity }: NumberType): string {
  const from = above ? `above ${min}` : max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : "";
  const range = max === Number.MAX_SAFE_INTEGER
    ? from
    : above
    ? `${from} and up to ${max}`
    : `from ${min} to ${max}`;
  return infinity ? `${range}, or Infinity` : range;
}

function describeNumber(type: NumberType): string {
  const noun = type.whole ? "a whole number" : "a number";
  const unit = type.unit === undefined ? "" : ` of ${type.unit}`;
  return `${noun}${unit} ${describeRange(type)}`;
}

/** What kind of text, such as "1 to 255 characters". */
export function describeText({ min, max, form }: TextType): string {
  if (form !== undefined) return form.name;
  if (max === Number.MAX_SAFE_INTEGER) return min === 0 ? "a text" : "a text that is not empty";
  return min === 0 ? `a text of up to ${max} characters` : `a text of ${min} to ${max} characters`;
}

function listCount(min: number, max: number): string {
  if (max !== Number.MAX_SAFE_INTEGER) {
    return min === 0 ? `up to ${max}, each ` : `${min} to ${max}, each `;
  }
  return min === 0 ? "" : `at least ${min}, each `;
}

function describeItems(type: OptionType): string {
  return describeType(type);
}

function describeEntries({ key, of, max }: { key: TextType; of: TextType; max: number }): string {
  const most = max === Number.MAX_SAFE_INTEGER ? "" : `up to ${max} entries, `;
  return `${most}each from ${describeText(key)} to ${describeText(of)}`;
}

/** A value, for a message: short, on one line, and without the contents of objects. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shortened(value));
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "bigint") return shortened(`${value}n`);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return describeArray(value);
  const names = Object.keys(value);
  if (names.length === 0) return "an object without options";
  return `an object with ${names.slice(0, 5).map(shortened).join(", ")}${
    names.length > 5 ? ", ..." : ""
  }`;
}

function describeArray(value: readonly unknown[]): string {
  if (value.length === 0) return "an empty list";
  return `a list of ${value.length}`;
}

function shortened(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}...` : text;
}
