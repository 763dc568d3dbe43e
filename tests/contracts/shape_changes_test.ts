import { assert } from "@std/assert";
import fc from "fast-check";
import {
  fieldOf,
  type Fields,
  isOptionalField,
  oneOf,
  type Shape,
  shapeText,
  sorted,
} from "../../lib/contracts/shape.ts";
import { shapeChanges } from "../../lib/contracts/shape_changes.ts";

/** Types that are carried as they are, each with a value that shows it. */
const leaves: Readonly<Record<string, unknown>> = {
  string: "any text",
  number: 12,
  boolean: true,
  bigint: 5n,
  null: null,
  Date: new Date(0),
};

/** Whether a program that expects the shape can use a value. */
function fits(value: unknown, shape: Shape): boolean {
  if (typeof shape === "string") {
    if (shape === "unknown") return true;
    if (shape === "null" || shape === "undefined") return String(value) === shape;
    if (shape === "Date") return value instanceof Date;
    // deno-lint-ignore valid-typeof -- the names are those of typeof
    return typeof value === shape;
  }
  if ("value" in shape) return Object.is(value, shape.value);
  if ("oneOf" in shape) return shape.oneOf.some((member) => fits(value, member));
  if ("list" in shape) return Array.isArray(value) && value.every((one) => fits(one, shape.list));
  if ("set" in shape) {
    return value instanceof Set && [...value].every((one) => fits(one, shape.set));
  }
  if ("map" in shape) {
    const [keys, values] = shape.map;
    return value instanceof Map && [...value].every(([k, v]) => fits(k, keys) && fits(v, values));
  }
  if ("tuple" in shape) {
    return Array.isArray(value) && value.length === shape.tuple.length &&
      value.every((one, index) => fits(one, shape.tuple[index]!));
  }
  if (!isPlain(value)) return false;
  if ("by" in shape) {
    const tag = value[shape.by];
    return typeof tag === "string" && Object.hasOwn(shape.variants, tag) &&
      fits(value, shape.variants[tag]!);
  }
  if ("fields" in shape) return fitsFields(value, shape.fields, shape.others);
  throw new Error(`no such shape: ${JSON.stringify(shape)}`);
}

function fitsFields(
  value: Readonly<Record<string, unknown>>,
  fields: Fields,
  others: Shape | undefined,
): boolean {
  const own = Object.entries(fields).every(([key, shape]) => {
    const name = isOptionalField(key) ? key.slice(0, -1) : key;
    const field = Object.hasOwn(value, name) ? value[name] : undefined;
    return field === undefined && isOptionalField(key) || fits(field, shape);
  });
  return own &&
    Object.entries(value).every(([name, field]) =>
      others === undefined || fieldOf(fields, name) !== undefined || fits(field, others)
    );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** Values of a shape: each optional field with and without, each member of a union. */
function valuesOf(shape: Shape, depth = 0): unknown[] {
  if (typeof shape === "string") {
    if (shape === "unknown") return ["unknown text", 77, { unknown: true }];
    if (shape === "boolean") return [true, false];
    return shape in leaves ? [leaves[shape]] : [undefined];
  }
  if ("value" in shape) return [shape.value];
  if ("oneOf" in shape) return shape.oneOf.flatMap((member) => valuesOf(member, depth));
  if ("list" in shape) return [[], ...valuesOf(shape.list, depth + 1).map((one) => [one])];
  if ("set" in shape) {
    return [
      new Set(),
      ...valuesOf(shape.set, depth).map((one) => new Set([one])),
    ];
  }
  if ("map" in shape) {
    const [keys, values] = shape.map.map((part) => valuesOf(part, depth + 1));
    return [new Map(), ...keys!.flatMap((key) => values!.map((one) => new Map([[key, one]])))];
  }
  if ("tuple" in shape) return combine(shape.tuple.map((part) => valuesOf(part, depth + 1)));
  if ("by" in shape) return Object.values(shape.variants).flatMap((one) => valuesOf(one, depth));
  if ("fields" in shape) return objectsOf(shape.fields, shape.others, depth);
  throw new Error(`no such shape: ${JSON.stringify(shape)}`);
}

function objectsOf(fields: Fields, others: Shape | undefined, depth: number): unknown[] {
  const names = Object.keys(fields);
  const choices = names.map((key) => {
    const values = valuesOf(fields[key]!, depth + 1);
    return isOptionalField(key) ? [missing, ...values] : values;
  });
  const objects = combine(choices).map((values) =>
    Object.fromEntries(
      values.flatMap((value, index) => {
        const name = names[index]!.replace(/\?$/, "");
        return value === missing ? [] : [[name, value]];
      }),
    )
  );
  if (others === undefined) return objects;
  const more = valuesOf(others, depth + 1).map((value) => ({ other: value }));
  return objects.flatMap((object) => [object, ...more.map((one) => ({ ...one, ...object }))]);
}

const missing = Symbol("missing");

/** One of each, as many as are of use. */
function combine(choices: readonly unknown[][]): unknown[][] {
  let all: unknown[][] = [[]];
  for (const values of choices) {
    all = all.flatMap((before) => values.map((value) => [...before, value])).slice(0, 200);
  }
  return all;
}

const names = ["a", "b", "c"];

const { shape } = fc.letrec<{ shape: Shape; fields: Shape; record: Shape; variants: Shape }>(
  (tie) => ({
    shape: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      fc.constantFrom(...Object.keys(leaves), "unknown"),
      fc.constantFrom("x", "y", 1, 2, true).map((value) => ({ value })),
      tie("fields"),
      tie("variants"),
      tie("record"),
      tie("shape").map((list) => ({ list })),
      tie("shape").map((set) => ({ set })),
      fc.tuple(tie("shape"), tie("shape")).map((map) => ({ map })),
      fc.array(tie("shape"), { minLength: 1, maxLength: 2 }).map((tuple) => ({ tuple })),
      fc.array(tie("shape"), { minLength: 2, maxLength: 3 }).map(unionOf),
    ),
    fields: fc.dictionary(
      fc.tuple(fc.constantFrom(...names), fc.constantFrom("", "?")).map(([name, end]) =>
        name + end
      ),
      tie("shape"),
      { maxKeys: 3 },
    ).map((fields) => ({ fields: oncePerName(fields) })),
    record: tie("shape").map((others) => ({ fields: {}, others })),
    variants: fc.dictionary(fc.constantFrom("x", "y", "z"), tie("fields"), {
      minKeys: 2,
      maxKeys: 3,
    }).map((variants) => variantsOf(variants as Record<string, { fields: Fields }>)),
  }),
);

function oncePerName(fields: Fields): Fields {
  const kept = Object.entries(fields).filter(([key]) =>
    !isOptionalField(key) || !Object.hasOwn(fields, key.slice(0, -1))
  );
  return sorted(Object.fromEntries(kept));
}

function variantsOf(variants: Readonly<Record<string, { fields: Fields }>>): Shape {
  const tagged = Object.entries(variants).map(([tag, { fields }]) => [
    tag,
    { fields: sorted({ ...fields, type: { value: tag } }) },
  ]);
  return { by: "type", variants: sorted(Object.fromEntries(tagged)) };
}

/** Unions of the reader have no unions in them, and one tagged union of objects at most. */
function unionOf(members: readonly Shape[]): Shape {
  const flat = members.flatMap((one) =>
    typeof one === "object" && "oneOf" in one ? one.oneOf : [one]
  );
  return oneOf(flat);
}

/** A shape with a small change somewhere. */
const changed = fc.tuple(shape, shape, fc.nat(20)).map(([before, other, at]) => {
  let left = at;
  const visit = (one: Shape): Shape => {
    if (left-- === 0) return other;
    if (typeof one === "string" || "value" in one) return one;
    if ("list" in one) return { list: visit(one.list) };
    if ("set" in one) return { set: visit(one.set) };
    if ("map" in one) return { map: [visit(one.map[0]), visit(one.map[1])] };
    if ("tuple" in one) return { tuple: one.tuple.map(visit) };
    if ("oneOf" in one) return unionOf(one.oneOf.map(visit));
    if ("fields" in one) {
      const fields = Object.entries(one.fields).map(([key, part]) => [key, visit(part)]);
      return { ...one, fields: Object.fromEntries(fields) };
    }
    return one;
  };
  return [before, visit(before)] as const;
});

const pairs = fc.oneof(changed, fc.tuple(shape, shape));

Deno.test("what no change breaks can be read: old values by new programs, and new by old", () => {
  let safe = 0;
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      const changes = shapeChanges(before, {}, after, {});
      const said = () => `${shapeText(before)} -> ${shapeText(after)}: ${JSON.stringify(changes)}`;
      if (!changes.some(({ newReader }) => newReader)) {
        for (const value of valuesOf(before)) assert(fits(value, after), said());
        safe++;
      }
      if (!changes.some(({ oldReader }) => oldReader)) {
        for (const value of valuesOf(after)) assert(fits(value, before), said());
        safe++;
      }
    }),
    { numRuns: 5_000, seed: 16 },
  );
  assert(safe > 1_000, `only ${safe} changes were safe`);
});

Deno.test("a shape has no changes to itself", () => {
  fc.assert(
    fc.property(shape, (one) => {
      const again: Shape = structuredClone(one);
      assert(shapeChanges(one, {}, again, {}).length === 0, shapeText(one));
      for (const value of valuesOf(one)) assert(fits(value, one), shapeText(one));
    }),
    { numRuns: 2_000, seed: 16 },
  );
});
