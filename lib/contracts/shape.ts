/**
 * What a value looks like to the codec, as data: the form in which the types of messages, events and
 * states are kept in a file, and compared.
 *
 * @module
 */

/**
 * A shape. A text names what the codec carries as it is: `string`, `number`, `boolean`, `bigint`,
 * `null`, `undefined`, `unknown` (anything), `Date`, `Error`, `Uint8Array` and its like.
 */
export type Shape =
  | string
  | ValueShape
  | PatternShape
  | ListShape
  | TupleShape
  | MapShape
  | SetShape
  | FieldsShape
  | VariantsShape
  | OneOfShape
  | RefShape
  | SerializedShape
  | NamedShape;

/** One value. */
export interface ValueShape {
  /** A bigint is written as `"12n"`, with `bigint`. */
  readonly value: string | number | boolean;
  readonly bigint?: true;
}

/** Texts of a pattern, such as `id-${string}`. */
export interface PatternShape {
  readonly pattern: string;
}

/** An array. */
export interface ListShape {
  readonly list: Shape;
}

/** An array of a known length. */
export interface TupleShape {
  readonly tuple: readonly Shape[];
  /** Elements that must be there. Default: all. */
  readonly required?: number;
  /** Any number of others. */
  readonly rest?: Shape;
}

/** A `Map`: keys, values. */
export interface MapShape {
  readonly map: readonly [Shape, Shape];
}

/** A `Set`. */
export interface SetShape {
  readonly set: Shape;
}

/** Fields by name; a name that ends with `?` is of a field that may be missing, or undefined. */
export type Fields = Readonly<Record<string, Shape>>;

/** A plain object. */
export interface FieldsShape {
  readonly fields: Fields;
  /** Fields of any other name. */
  readonly others?: Shape;
}

/** Objects that one of their fields tells apart. */
export interface VariantsShape {
  /** Name of the field. */
  readonly by: string;
  /** By its value: all fields, also this one. A text value is written as it is, others as JSON. */
  readonly variants: Readonly<Record<string, Shape>>;
}

/** Any of several. */
export interface OneOfShape {
  readonly oneOf: readonly Shape[];
}

/** A reference to an actor, and what it accepts. */
export interface RefShape {
  readonly ref: Shape;
}

/** A value of a class that has a serializer. */
export interface SerializedShape {
  readonly serialized: string;
}

/** A shape that has a name, see {@linkcode Shapes}. */
export interface NamedShape {
  readonly type: string;
}

/**
 * How deep shapes may be nested that are compared, with the names that are followed. No program has so
 * many levels; a file that was edited may.
 */
export const maxNesting = 1_000;

/** Shapes by name. */
export type Shapes = Readonly<Record<string, Shape>>;

/** Follows names. A name that leads nowhere, or to itself, is `unknown`. */
export function unfold(shape: Shape, shapes: Shapes): Exclude<Shape, NamedShape> {
  let found = shape;
  for (let steps = 0; typeof found === "object" && "type" in found; steps++) {
    const next: Shape | undefined = Object.hasOwn(shapes, found.type)
      ? shapes[found.type]
      : undefined;
    if (next === undefined || steps > maxNames) return "unknown";
    found = next;
  }
  return found as Exclude<Shape, NamedShape>;
}

/** A chain of names is never longer: each type has one. */
const maxNames = 1_000;

/**
 * The members of a union, or the shape alone; names of members are kept. A name that a file repeats, or
 * that leads back to itself, is followed once.
 */
export function membersOf(shape: Shape, shapes: Shapes): readonly Shape[] {
  const members: Shape[] = [];
  const followed = new Set<string>();
  const left: Shape[] = [shape];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next === "object" && "type" in next) {
      if (followed.has(next.type)) continue;
      followed.add(next.type);
    }
    const found = unfold(next, shapes);
    if (typeof found === "object" && "oneOf" in found) left.push(...found.oneOf.toReversed());
    else members.push(next);
  }
  return members;
}

/** Whether a field may be missing, by the name under which it is kept. */
export function isOptionalField(key: string): boolean {
  return key.endsWith("?");
}

/** A field by its plain name. */
export function fieldOf(fields: Fields, name: string): Shape | undefined {
  if (Object.hasOwn(fields, name)) return fields[name];
  return Object.hasOwn(fields, `${name}?`) ? fields[`${name}?`] : undefined;
}

/** A short text of a shape, as TypeScript would write it. */
export function shapeText(shape: Shape): string {
  const text = textOf(shape, 0);
  return text.length > maxText ? `${text.slice(0, maxText)}…` : text;
}

const maxText = 80;

function textOf(shape: Shape, depth: number): string {
  if (typeof shape === "string") return shape;
  if (depth > 4) return "…";
  const inner = (shape: Shape) => textOf(shape, depth + 1);
  if ("value" in shape) return shape.bigint ? String(shape.value) : JSON.stringify(shape.value);
  if ("pattern" in shape) return `\`${shape.pattern}\``;
  if ("type" in shape) return shape.type;
  if ("list" in shape) return `Array<${inner(shape.list)}>`;
  if ("set" in shape) return `Set<${inner(shape.set)}>`;
  if ("map" in shape) return `Map<${shape.map.map(inner).join(", ")}>`;
  if ("ref" in shape) return `ActorRef<${inner(shape.ref)}>`;
  if ("serialized" in shape) return shape.serialized;
  if ("oneOf" in shape) return shape.oneOf.map(inner).join(" | ");
  if ("variants" in shape) {
    return Object.keys(shape.variants).map((tag) => JSON.stringify(tag)).join(" | ");
  }
  if ("tuple" in shape) {
    const rest = shape.rest === undefined ? [] : [`...Array<${inner(shape.rest)}>`];
    return `[${[...shape.tuple.map(inner), ...rest].join(", ")}]`;
  }
  const fields = Object.entries(shape.fields).map(([name, of]) => `${name}: ${inner(of)}`);
  if (shape.others !== undefined) fields.push(`[key: string]: ${inner(shape.others)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join("; ")} }`;
}

/** One of several shapes, without doubles and in a stable order. */
export function oneOf(shapes: readonly Shape[]): Shape {
  const byText = new Map(shapes.map((shape) => [JSON.stringify(shape), shape]));
  const [yes, no] = ['{"value":true}', '{"value":false}'];
  if (byText.has(yes) && byText.has(no)) {
    byText.delete(yes);
    byText.delete(no);
    byText.set('"boolean"', "boolean");
  }
  const found = [...byText].sort(([a], [b]) => a < b ? -1 : 1).map(([, shape]) => shape);
  return found.length === 1 ? found[0]! : { oneOf: found };
}

/** In the order of names, so that the order in the source makes no difference. */
export function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1));
}
