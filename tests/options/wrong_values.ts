import { accepts } from "../../lib/options/accepts.ts";
import {
  anything,
  type Option,
  type OptionTable,
  type OptionType,
} from "../../lib/options/option.ts";

/** A value that a type refuses; `at` is where the fault is, below the option. */
export interface WrongValue {
  readonly value: unknown;
  readonly at: string;
}

/** Values that a type must refuse: wrong types, out of range, a text for a list and so on. */
export function wrongValues(type: OptionType): WrongValue[] {
  const here = (...values: unknown[]) => values.map((value) => ({ value, at: "" }));
  switch (type.kind) {
    case "number": {
      const { min, max, whole, above, infinity } = type;
      const bounds = [above ? min : min - 1, ...(max < Number.MAX_SAFE_INTEGER ? [max + 1] : [])];
      const odd = [...(whole ? [min + 0.5] : []), ...(infinity ? [] : [Infinity])];
      return here(String(min + 1), NaN, -Infinity, null, [min], {}, true, 5n, ...bounds, ...odd);
    }
    case "text": {
      const tooLong = type.max <= 1_000_000 ? ["x".repeat(type.max + 1)] : [];
      const invalid = type.min > 0 ? [""] : [];
      return here(7, null, ["x"], {}, false, ...tooLong, ...invalid);
    }
    case "flag":
      return here("true", 1, null, [], {});
    case "choice":
      return here("nonsense", 7, null, [type.values[0]], "constructor");
    case "code":
      return here(null, []);
    case "list": {
      const tooMany = type.max <= 1_000 ? [Array(type.max + 1).fill("x")] : [];
      const tooFew = type.min > 0 ? [[]] : [];
      const items = (type.of === anything ? [] : wrongValues(type.of))
        .map(({ value, at }) => ({ value: [value], at: `[0]${at}` }));
      return [...here("text", {}, 7, null, ...tooMany, ...tooFew), ...items];
    }
    case "record":
      return [
        ...here("x", 7, null, [["a:1", "b:1"]], true),
        { value: { "": "x" }, at: "" },
        ...(type.map ? [{ value: new Map([["x", "y"]]), at: "" }] : []),
      ];
    case "group":
      return [
        ...here(7, "x", null, [], true),
        { value: { ...exampleOf(type.table), nonsense: 1 }, at: ".nonsense" },
      ];
    case "either":
      return type.of.flatMap(wrongValues)
        .filter(({ value }) => !accepts(type, value))
        .map(({ value }) => ({ value, at: "" }));
  }
}

/** The options that a table requires, with values that it accepts. */
export function exampleOf({ options, required }: OptionTable): Record<string, unknown> {
  return Object.fromEntries(required.map((name) => [name, exampleValue(options[name]!)]));
}

/** A value that an option accepts; undefined if one is not so easily made. */
export function exampleValue({ type, default: value }: Option): unknown {
  return value ?? exampleOfType(type);
}

function exampleOfType(type: OptionType): unknown {
  switch (type.kind) {
    case "number":
      return type.above ? type.min + 1 : type.min;
    case "text":
      return type.form?.example ?? "x".repeat(Math.max(1, type.min));
    case "flag":
      return true;
    case "choice":
      return type.values[0];
    case "list":
      return Array(type.min).fill(exampleOfType(type.of));
    case "record":
      return {};
    case "group":
      return exampleOf(type.table);
    case "either":
      return exampleOfType(type.of[0]!);
    case "code":
      return undefined;
  }
}
