/**
 * Finds what is different between two shapes, and by which rule each difference is judged. Pure.
 *
 * @module
 */
import { nestedTooDeeply } from "./errors.ts";
import { type Breaks, type ShapeRuleName, shapeRules } from "./rules.ts";
import { isSameIn } from "./same_shape.ts";
import {
  fieldOf,
  type Fields,
  type FieldsShape,
  isOptionalField,
  type ListShape,
  type MapShape,
  maxNesting,
  membersOf,
  type RefShape,
  type SetShape,
  type Shape,
  type Shapes,
  shapeText,
  type TupleShape,
  unfold,
  type VariantsShape,
} from "./shape.ts";

/** A difference between two shapes. */
export interface ShapeChange extends Breaks {
  readonly rule: ShapeRuleName;
  /** From the outermost shape, such as ` "deposit".amount`. */
  readonly path: string;
  /** What was there, as text; empty: nothing. */
  readonly before: string;
  readonly after: string;
}

/**
 * What is different in `after`; `before` and `after` are named in shapes of their own.
 *
 * @throws {ContractsError} code `badContractsFile`: deeper than {@linkcode maxNesting}.
 */
export function shapeChanges(
  before: Shape,
  typesBefore: Shapes,
  after: Shape,
  typesAfter: Shapes,
): readonly ShapeChange[] {
  const comparison = new Comparison(typesBefore, typesAfter);
  comparison.compare(before, after, "");
  return comparison.changes;
}

/** The members of a union that are not objects, by what they are. */
interface Members {
  readonly names: Set<string>;
  readonly values: Map<string, string>;
  readonly objects: (FieldsShape | VariantsShape)[];
  readonly lists: ListShape[];
  readonly tuples: TupleShape[];
  readonly maps: MapShape[];
  readonly sets: SetShape[];
  readonly refs: RefShape[];
  readonly serialized: Set<string>;
}

/** Kinds of members, told apart by anybody who reads them. */
type MemberKind =
  | "text"
  | "number"
  | "boolean"
  | "bigint"
  | "object"
  | "list"
  | "tuple"
  | "map"
  | "set"
  | "ref"
  | "serialized"
  | `leaf ${string}`;

const containers: readonly string[] = ["object", "list", "tuple", "map", "set"];

class Comparison {
  readonly changes: ShapeChange[] = [];
  readonly #before: Shapes;
  readonly #after: Shapes;
  /** Pairs of named shapes that were compared, or are being compared. */
  readonly #seen = new Set<string>();
  #depth = 0;

  constructor(before: Shapes, after: Shapes) {
    this.#before = before;
    this.#after = after;
  }

  compare(before: Shape, after: Shape, path: string): void {
    if (this.#depth > maxNesting) throw nestedTooDeeply(maxNesting);
    this.#depth++;
    this.#compareUnlessSame(before, after, path);
    this.#depth--;
  }

  #compareUnlessSame(before: Shape, after: Shape, path: string): void {
    if (isSameIn(before, this.#before, after, this.#after)) return;
    const isNamed = (shape: Shape) => typeof shape === "object" && "type" in shape;
    if (isNamed(before) || isNamed(after)) {
      const pair = JSON.stringify([before, after]);
      if (this.#seen.has(pair)) return;
      this.#seen.add(pair);
    }
    const [a, b] = [this.#members(before, this.#before), this.#members(after, this.#after)];
    const add = (rule: ShapeRuleName) => this.#add(rule, path, shapeText(before), shapeText(after));
    this.#compareNull(a, b, "null", add);
    this.#compareNull(a, b, "undefined", add);
    if (a.names.has("unknown") || b.names.has("unknown")) {
      if (!b.names.has("unknown")) add("typeNarrowed");
      else if (!a.names.has("unknown")) add("typeWidened");
      return;
    }
    const [kindsA, kindsB] = [kindsOf(a), kindsOf(b)];
    const common = kindsA.filter((kind) => kindsB.includes(kind));
    if (common.length === 0) {
      if (kindsA.length > 0 && kindsB.length > 0) add(otherKind(kindsA, kindsB));
      // On one side there was nothing but null or undefined.
      else if (kindsB.length > 0) add("typeWidened");
      else if (kindsA.length > 0) add("typeNarrowed");
      return;
    }
    this.#compareKinds(kindsA, kindsB, path);
    for (const kind of common) this.#compareKind(kind, a, b, path);
  }

  #compareNull(
    a: Members,
    b: Members,
    name: "null" | "undefined",
    add: (rule: ShapeRuleName) => void,
  ): void {
    const [before, after] = [a.names.delete(name), b.names.delete(name)];
    if (a.names.has("unknown") || b.names.has("unknown")) return;
    if (before && !after) add("nullabilityRemoved");
    if (!before && after) add("nullabilityAdded");
  }

  #compareKinds(a: readonly MemberKind[], b: readonly MemberKind[], path: string): void {
    for (const kind of a) if (!b.includes(kind)) this.#add("unionMemberRemoved", path, kind, "");
    for (const kind of b) if (!a.includes(kind)) this.#add("unionMemberAdded", path, "", kind);
  }

  #compareKind(kind: MemberKind, a: Members, b: Members, path: string): void {
    switch (kind) {
      case "text":
        return this.#compareValues("string", a, b, path);
      case "number":
      case "boolean":
      case "bigint":
        return this.#compareValues(kind, a, b, path);
      case "object":
        return this.#compareEach(
          a.objects,
          b.objects,
          path,
          (x, y) => this.#compareObject(x, y, path),
        );
      case "list":
        return this.#compareEach(
          a.lists,
          b.lists,
          path,
          (x, y) => this.compare(x.list, y.list, `${path}[]`),
        );
      case "set":
        return this.#compareEach(
          a.sets,
          b.sets,
          path,
          (x, y) => this.compare(x.set, y.set, `${path}{}`),
        );
      case "map":
        return this.#compareEach(a.maps, b.maps, path, (x, y) => this.#compareMap(x, y, path));
      case "tuple":
        return this.#compareEach(
          a.tuples,
          b.tuples,
          path,
          (x, y) => this.#compareTuple(x, y, path),
        );
      case "ref":
        return this.#compareEach(
          a.refs,
          b.refs,
          path,
          // Replies travel both ways, too: old programs answer new ones, and new ones old ones.
          (x, y) => this.compare(x.ref, y.ref, `${path} (reply)`),
        );
      case "serialized":
        return this.#compareSerialized(a.serialized, b.serialized, path);
    }
  }

  /** Literals, patterns and the type of all of them. */
  #compareValues(name: string, a: Members, b: Members, path: string): void {
    const of = (members: Members) =>
      [...members.values].filter(([, kind]) => kind === name).map(([text]) => text);
    const [before, after] = [of(a), of(b)];
    const [allBefore, allAfter] = [a.names.has(name), b.names.has(name)];
    if (allBefore && allAfter) return;
    if (allBefore) return this.#add("typeNarrowed", path, name, after.join(" | "));
    if (allAfter) return this.#add("typeWidened", path, before.join(" | "), name);
    for (const text of before) {
      if (!after.includes(text)) this.#add("literalRemoved", path, text, "");
    }
    for (const text of after) {
      if (!before.includes(text)) this.#add("literalAdded", path, "", text);
    }
  }

  #compareMap(a: MapShape, b: MapShape, path: string): void {
    const [keyBefore, valueBefore] = a.map;
    const [keyAfter, valueAfter] = b.map;
    const keys = new Comparison(this.#before, this.#after);
    keys.compare(keyBefore, keyAfter, "");
    if (keys.changes.some(({ newReader, oldReader }) => newReader || oldReader)) {
      this.#add("keyTypeChanged", path, shapeText(keyBefore), shapeText(keyAfter));
    }
    this.compare(valueBefore, valueAfter, `${path}{}`);
  }

  #compareTuple(a: TupleShape, b: TupleShape, path: string): void {
    const isAsLong = a.tuple.length === b.tuple.length && a.required === b.required &&
      (a.rest === undefined) === (b.rest === undefined);
    if (!isAsLong) return this.#add("tupleLengthChanged", path, shapeText(a), shapeText(b));
    a.tuple.forEach((shape, index) => this.compare(shape, b.tuple[index]!, `${path}[${index}]`));
    if (a.rest !== undefined) this.compare(a.rest, b.rest!, `${path}[]`);
  }

  #compareSerialized(a: ReadonlySet<string>, b: ReadonlySet<string>, path: string): void {
    const [before, after] = [[...a].sort().join(" | "), [...b].sort().join(" | ")];
    if (before !== after) this.#add("serializerChanged", path, before, after);
  }

  /** Members of one kind, which nothing tells apart: those that are the same belong together. */
  #compareEach<T extends Shape>(
    a: readonly T[],
    b: readonly T[],
    path: string,
    compare: (before: T, after: T) => void,
  ): void {
    const left = b.slice();
    const unmatched = a.filter((one) => {
      const index = left.findIndex((other) => isSameIn(one, this.#before, other, this.#after));
      if (index >= 0) left.splice(index, 1);
      return index < 0;
    });
    if (unmatched.length === 1 && left.length === 1) return compare(unmatched[0]!, left[0]!);
    for (const one of unmatched) this.#add("unionMemberRemoved", path, shapeText(one), "");
    for (const one of left) this.#add("unionMemberAdded", path, "", shapeText(one));
  }

  #compareObject(
    a: FieldsShape | VariantsShape,
    b: FieldsShape | VariantsShape,
    path: string,
  ): void {
    if ("fields" in a && "fields" in b) {
      const by = commonTag(a, b);
      if (by === undefined) return this.#compareFields(a, b, path);
      return this.#compareVariants(asVariants(a, by)!, asVariants(b, by)!, path);
    }
    const before = "variants" in a ? a : asVariants(a, (b as VariantsShape).by);
    const after = "variants" in b ? b : asVariants(b, (a as VariantsShape).by);
    if (before !== undefined && after !== undefined) {
      return this.#compareVariants(before, after, path);
    }
    const rule = before === undefined ? "discriminantAdded" : "discriminantRemoved";
    this.#add(rule, path, shapeText(a), shapeText(b));
  }

  #compareVariants(a: VariantsShape, b: VariantsShape, path: string): void {
    if (a.by !== b.by) this.#add("discriminantRenamed", path, a.by, b.by);
    const removed = Object.keys(a.variants).filter((tag) => !Object.hasOwn(b.variants, tag));
    const added = Object.keys(b.variants).filter((tag) => !Object.hasOwn(a.variants, tag));
    for (const tag of removed) {
      const renamed = added.findIndex((other) => this.#isSameVariant(a, tag, b, other));
      if (renamed < 0) {
        this.#add("variantRemoved", path, JSON.stringify(tag), "");
        continue;
      }
      const [other] = added.splice(renamed, 1);
      this.#add("variantRenamed", path, JSON.stringify(tag), JSON.stringify(other));
    }
    for (const tag of added) this.#add("variantAdded", path, "", JSON.stringify(tag));
    for (const [tag, shape] of Object.entries(a.variants)) {
      if (!Object.hasOwn(b.variants, tag)) continue;
      this.#compareVariant(a.by, shape, b.by, b.variants[tag]!, `${path} ${JSON.stringify(tag)}`);
    }
  }

  #compareVariant(byA: string, a: Shape, byB: string, b: Shape, path: string): void {
    const [before, after] = [unfold(a, this.#before), unfold(b, this.#after)];
    if (!isFields(before) || !isFields(after)) return this.compare(a, b, path);
    if (isSameIn(before, this.#before, after, this.#after)) return;
    const pair = JSON.stringify([a, b, byA, byB]);
    if (this.#seen.has(pair)) return;
    this.#seen.add(pair);
    this.#compareFields(without(before, byA), without(after, byB), path);
  }

  /** Whether a variant is another one but for its name; without other fields nobody can tell. */
  #isSameVariant(a: VariantsShape, tag: string, b: VariantsShape, other: string): boolean {
    const before = unfold(a.variants[tag]!, this.#before);
    const after = unfold(b.variants[other]!, this.#after);
    if (!isFields(before) || !isFields(after)) return false;
    const [x, y] = [without(before, a.by), without(after, b.by)];
    return Object.keys(x.fields).length > 0 && isSameIn(x, this.#before, y, this.#after);
  }

  #compareFields(a: FieldsShape, b: FieldsShape, path: string): void {
    const isRecord = ({ fields, others }: FieldsShape) =>
      others !== undefined && Object.keys(fields).length === 0;
    if (isRecord(a) !== isRecord(b) && (a.others === undefined || b.others === undefined)) {
      return this.#add("containerChanged", path, shapeText(a), shapeText(b));
    }
    const removed = Object.keys(a.fields).filter((key) => !hasField(b.fields, key));
    const added = Object.keys(b.fields).filter((key) => !hasField(a.fields, key));
    this.#compareMissing(a.fields, b.fields, removed, added, path);
    for (const [key, shape] of Object.entries(a.fields)) {
      const name = plainName(key);
      const other = fieldOf(b.fields, name);
      if (other === undefined) continue;
      const [before, after] = [isOptionalField(key), Object.hasOwn(b.fields, `${name}?`)];
      const at = `${path}.${name}`;
      if (before && !after) this.#add("optionalBecameRequired", at, shapeText(shape), "");
      if (!before && after) this.#add("requiredBecameOptional", at, shapeText(shape), "");
      this.compare(shape, other, at);
    }
    if (a.others !== undefined && b.others !== undefined) {
      this.compare(a.others, b.others, `${path}[key]`);
    } else if (a.others !== undefined || b.others !== undefined) {
      this.#add("containerChanged", path, shapeText(a), shapeText(b));
    }
  }

  /** Fields that are on one side only. */
  #compareMissing(
    a: Fields,
    b: Fields,
    removed: readonly string[],
    added: readonly string[],
    path: string,
  ): void {
    const left = added.slice();
    for (const key of removed) {
      const renamed = left.findIndex((other) =>
        isSameIn(a[key]!, this.#before, b[other]!, this.#after)
      );
      const at = `${path}.${plainName(key)}`;
      if (renamed < 0) {
        const rule = isOptionalField(key) ? "optionalFieldRemoved" : "fieldRemoved";
        this.#add(rule, at, shapeText(a[key]!), "");
        continue;
      }
      const [other] = left.splice(renamed, 1);
      this.#add("fieldRenamed", at, plainName(key), plainName(other!));
    }
    for (const key of left) {
      const rule = isOptionalField(key) ? "optionalFieldAdded" : "requiredFieldAdded";
      this.#add(rule, `${path}.${plainName(key)}`, "", shapeText(b[key]!));
    }
  }

  #add(rule: ShapeRuleName, path: string, before: string, after: string): void {
    const { newReader, oldReader } = shapeRules[rule];
    this.changes.push({ rule, path, before, after, newReader, oldReader });
  }

  #members(shape: Shape, types: Shapes): Members {
    const found: Members = {
      names: new Set(),
      values: new Map(),
      objects: [],
      lists: [],
      tuples: [],
      maps: [],
      sets: [],
      refs: [],
      serialized: new Set(),
    };
    for (const member of membersOf(shape, types)) addMember(found, unfold(member, types));
    return found;
  }
}

function addMember(found: Members, member: Shape): void {
  if (typeof member === "string") found.names.add(member);
  else if ("value" in member) found.values.set(shapeText(member), valueKind(member));
  else if ("pattern" in member) found.values.set(shapeText(member), "string");
  else if ("list" in member) found.lists.push(member);
  else if ("tuple" in member) found.tuples.push(member);
  else if ("map" in member) found.maps.push(member);
  else if ("set" in member) found.sets.push(member);
  else if ("ref" in member) found.refs.push(member);
  else if ("serialized" in member) found.serialized.add(member.serialized);
  else if ("fields" in member || "variants" in member) found.objects.push(member);
}

function valueKind({ value, bigint }: { value: string | number | boolean; bigint?: true }): string {
  return bigint ? "bigint" : typeof value;
}

function kindsOf(members: Members): MemberKind[] {
  const { names, values, objects, lists, tuples, maps, sets, refs, serialized } = members;
  const kinds = new Set<MemberKind>();
  for (const kind of [...names, ...values.values()]) {
    if (kind === "string") kinds.add("text");
    else if (kind === "number" || kind === "boolean" || kind === "bigint") kinds.add(kind);
    else kinds.add(`leaf ${kind}`);
  }
  if (objects.length > 0) kinds.add("object");
  if (lists.length > 0) kinds.add("list");
  if (tuples.length > 0) kinds.add("tuple");
  if (maps.length > 0) kinds.add("map");
  if (sets.length > 0) kinds.add("set");
  if (refs.length > 0) kinds.add("ref");
  if (serialized.size > 0) kinds.add("serialized");
  return [...kinds];
}

/** The rule where nothing is in common. */
function otherKind(a: readonly MemberKind[], b: readonly MemberKind[]): ShapeRuleName {
  const isContainer = (kinds: readonly MemberKind[]) =>
    kinds.every((kind) => containers.includes(kind));
  const isArray = (kinds: readonly MemberKind[]) => kinds.length === 1 && kinds[0] === "list";
  const isArrayLike = (kinds: readonly MemberKind[]) =>
    kinds.every((kind) => kind === "list" || kind === "tuple" || kind === "set" || kind === "map");
  if (isArray(a) && !isArrayLike(b)) return "arrayBecameScalar";
  if (isArray(b) && !isArrayLike(a)) return "scalarBecameArray";
  return isContainer(a) && isContainer(b) ? "containerChanged" : "typeChanged";
}

function isFields(shape: Shape): shape is FieldsShape {
  return typeof shape === "object" && "fields" in shape;
}

function plainName(key: string): string {
  return isOptionalField(key) ? key.slice(0, -1) : key;
}

function hasField(fields: Fields, key: string): boolean {
  return fieldOf(fields, plainName(key)) !== undefined;
}

function without({ fields, others }: FieldsShape, name: string): FieldsShape {
  const { [name]: _, ...rest } = fields;
  return { fields: rest, ...(others !== undefined && { others }) };
}

/** An object with one literal in a field is the only variant of a union. */
function asVariants(shape: FieldsShape | VariantsShape, by: string): VariantsShape | undefined {
  if ("variants" in shape) return shape;
  const tag = Object.hasOwn(shape.fields, by) ? shape.fields[by]! : undefined;
  if (typeof tag !== "object" || !("value" in tag)) return undefined;
  const text = typeof tag.value === "string" ? tag.value : JSON.stringify(tag.value);
  return { by, variants: { [text]: shape } };
}

/** The usual field that tells apart, if both objects have it with a literal. */
function commonTag(a: FieldsShape, b: FieldsShape): string | undefined {
  return ["type", "kind", "tag"].find((name) =>
    asVariants(a, name) !== undefined && asVariants(b, name) !== undefined
  );
}
