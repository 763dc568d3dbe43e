import { Behavior } from "../actor/behavior/behavior.ts";
import { Ref } from "../actor/ref/ref.ts";

/** Characters of one value in an error's message. */
const maxLength = 1_000;
/** Levels of nesting that are shown. */
const maxDepth = 5;
/** Entries of one list or object that are shown. */
const maxEntries = 50;
/** Values of one list in an error's message. */
const maxListed = 10;

/** A value as people read it: one line, references by their path. */
export function describe(value: unknown): string {
  const text = show(value, 0, []);
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

/** Several values, a line each; `none` if there are none. */
export function describeAll(values: readonly unknown[], none = "nothing"): string {
  if (values.length === 0) return none;
  const lines = values.slice(0, maxListed).map((value) => `\n  - ${describe(value)}`);
  if (values.length > maxListed) lines.push(`\n  - … and ${values.length - maxListed} more`);
  return lines.join("");
}

function show(value: unknown, depth: number, above: readonly object[]): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, maxLength));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[Function ${value.name || "(anonymous)"}]`;
  if (typeof value !== "object" || value === null) {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value instanceof Ref) return `<${value}>`;
  if (value instanceof Behavior) return `Behaviors.${value.kind}`;
  if (value instanceof Error) return `${value.name}(${JSON.stringify(value.message)})`;
  if (value instanceof Date) return `Date(${Number.isNaN(+value) ? "invalid" : value.toJSON()})`;
  if (value instanceof RegExp) return String(value);
  if (above.includes(value)) return "[circular]";
  if (depth >= maxDepth) return "[…]";
  const next = (part: unknown) => show(part, depth + 1, [...above, value]);
  if (Array.isArray(value)) return `[${list(value, next)}]`;
  return showObject(value, next);
}

function showObject(value: object, next: (part: unknown) => string): string {
  const name = className(value);
  if (value instanceof Map) {
    return `Map {${list([...value], ([key, item]) => `${next(key)} => ${next(item)}`)}}`;
  }
  if (value instanceof Set) return `Set {${list([...value], next)}}`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return `${name} [${list(Array.from(value as Uint8Array), String)}]`;
  }
  const fields = list(Object.entries(Object.getOwnPropertyDescriptors(value)), ([key, field]) => {
    const shown = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
    return `${shown}: ${field.get === undefined ? next(field.value) : "[getter]"}`;
  });
  const body = fields === "" ? "{}" : `{ ${fields} }`;
  return name === "" || name === "Object" ? body : `${name} ${body}`;
}

function list<T>(values: readonly T[], text: (value: T) => string): string {
  const shown = values.slice(0, maxEntries).map(text);
  if (values.length > maxEntries) shown.push(`… ${values.length - maxEntries} more`);
  return shown.join(", ");
}

function className(value: object): string {
  const { constructor } = Object.getPrototypeOf(value) ?? {};
  return typeof constructor === "function" ? constructor.name : "";
}
