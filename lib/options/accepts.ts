import type { NumberType, OptionTable, OptionType, RecordType, TextType } from "./option.ts";

/**
 * Whether a value matches a type. This is the judge: `explain.ts` only phrases the errors for what
 * it refuses. Builds no strings, so that calls that take options may check them each time.
 */
export function accepts(type: OptionType, value: unknown): boolean {
  switch (type.kind) {
    case "number":
      return typeof value === "number" && fits(type, value);
    case "text":
      return isText(type, value);
    case "flag":
      return typeof value === "boolean";
    case "choice":
      return (type.values as readonly unknown[]).includes(value);
    case "code":
      return type.test(value);
    case "list":
      return Array.isArray(value) && value.length >= type.min && value.length <= type.max &&
        acceptsAll(type.of, value);
    case "record":
      return acceptsRecord(type, value);
    case "group":
      return acceptsOptions(type.table, value);
    case "either":
      return type.of.some((one) => accepts(one, value));
  }
}

/** Whether a value is an object of options of the table: no unknown name, none missing, each fits. */
export function acceptsOptions({ options, required }: OptionTable, given: unknown): boolean {
  if (!isOptionObject(given)) return false;
  let isEmpty = true;
  for (const name in given) {
    isEmpty = false;
    const known = options[name];
    if (known === undefined) return false;
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined && !accepts(known.type, value)) return false;
  }
  if (isEmpty && !isPlain(given)) return false;
  for (const name of required) {
    if ((given as Record<string, unknown>)[name] === undefined) return false;
  }
  return true;
}

/** Whether a value can be an object of options: no list, no null, no function. */
export function isOptionObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether an object that shows no option can be meant as one without options: a promise that was not
 * awaited, a `Map`, or an object whose class has getters cannot.
 */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // The last prototype of a chain may be the `Object` of another realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Keys and values of a record, whichever form it has; undefined: it is none. */
export function entriesOf(
  { map }: RecordType,
  value: unknown,
): readonly (readonly [unknown, unknown])[] | undefined {
  if (value instanceof Map) return map ? [...value] : undefined;
  return isOptionObject(value) ? Object.entries(value) : undefined;
}

function acceptsAll(type: OptionType, values: readonly unknown[]): boolean {
  // Not `every`, which passes over holes.
  for (const value of values) if (!accepts(type, value)) return false;
  return true;
}

function acceptsRecord(type: RecordType, value: unknown): boolean {
  const entries = entriesOf(type, value);
  return entries !== undefined && entries.length <= type.max &&
    entries.every(([key, entry]) => isText(type.key, key) && accepts(type.of, entry));
}

function fits({ min, max, whole, above, infinity }: NumberType, value: number): boolean {
  if (value === Infinity) return infinity;
  return (above ? value > min : value >= min) && value <= max &&
    (!whole || Number.isInteger(value));
}

function isText({ min, max, form }: TextType, value: unknown): boolean {
  return typeof value === "string" && value.length >= min && value.length <= max &&
    (form === undefined || form.test(value));
}
