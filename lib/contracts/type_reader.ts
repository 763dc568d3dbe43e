/**
 * Reads the shapes of TypeScript's types, through its checker: as the codec carries their values.
 *
 * @module
 */
import type ts from "typescript";
import { collectionTypes, leafTypes } from "./carried_types.ts";
import { isReferenceType, isServiceKeyType } from "./casty_types.ts";
import type { Problem } from "./problem.ts";
import { oneOf, type Shape, sorted } from "./shape.ts";

/** The package `typescript`, which only this tool loads. */
export type TypeScript = typeof ts;

/** Where a type is used. */
export interface TypePlace {
  /** Where it is written; problems without a better place are told there. */
  readonly node: ts.Node;
  /** Such as `durable account, event`. */
  readonly text: string;
  /** Whether values are stored: then the codec carries no references. */
  readonly stored: boolean;
  /**
   * Of stored values: the serializers that they may have, as `name@version`; undefined: any, since the
   * list is not written down.
   */
  readonly serializers?: ReadonlySet<string> | undefined;
}

/** Types nested deeper than the codec carries by default have no shape of their own. */
const maxDepth = 60;

/** Reads types into shapes, and keeps those that have names. */
export class TypeReader {
  readonly #ts: TypeScript;
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;
  readonly #report: (problem: Problem) => void;
  readonly #serializers = new Map<ts.Symbol, string>();
  readonly #shapes = new Map<string, Shape>();
  readonly #names = new Map<ts.Type, string>();
  readonly #taken = new Map<string, ts.Type>();
  /** Types that were read as messages, and as what is stored. */
  readonly #read = new Map<string, Set<ts.Type>>();
  /** Types that are being read; with a name, if one of their parts leads back to them. */
  readonly #open = new Map<ts.Type, { name: string | undefined }>();
  #depth = 0;

  constructor(typescript: TypeScript, program: ts.Program, report: (problem: Problem) => void) {
    this.#ts = typescript;
    this.#program = program;
    this.#checker = program.getTypeChecker();
    this.#report = report;
  }

  /** The shapes with names, so far. */
  get shapes(): ReadonlyMap<string, Shape> {
    return this.#shapes;
  }

  /** Values of a class have a serializer of that name. */
  addSerializer(type: ts.Type, name: string): void {
    const symbol = type.aliasSymbol ?? type.symbol;
    if (symbol !== undefined) this.#serializers.set(symbol, name);
  }

  /** The shape of a type. What has none is reported, and `unknown`. */
  read(type: ts.Type, place: TypePlace): Shape {
    const { TypeFlags } = this.#ts;
    const { flags } = type;
    if (flags & TypeFlags.Any) return this.#any(type, place);
    if (flags & (TypeFlags.Unknown | TypeFlags.NonPrimitive)) return "unknown";
    if (flags & TypeFlags.Never) {
      return this.#refuse(place, "is never", "give the type argument that it lacks");
    }
    const leaf = this.#leaf(type);
    if (leaf !== undefined) return leaf;
    if (flags & TypeFlags.TemplateLiteral) {
      return { pattern: this.#checker.typeToString(type).slice(1, -1) };
    }
    if (flags & TypeFlags.ESSymbolLike) {
      return this.#refuse(place, "is a symbol", "send or store a string");
    }
    if (type.isIntersection()) {
      // A brand: `string & { readonly brand: ... }` is a string.
      const plain = type.types.find(({ flags }) => !(flags & TypeFlags.Object));
      if (plain !== undefined) return this.read(plain, place);
    }
    if (flags & (TypeFlags.Object | TypeFlags.Union | TypeFlags.Intersection)) {
      return this.#structure(type, place);
    }
    return this.#refuse(
      place,
      `depends on the type parameter ${this.#checker.typeToString(type)}`,
      "call the function where the type is known",
    );
  }

  /** A type whose values have no parts. */
  #leaf(type: ts.Type): Shape | undefined {
    const { TypeFlags } = this.#ts;
    const { flags } = type;
    if (flags & TypeFlags.EnumLike && flags & TypeFlags.Union) return undefined;
    if (flags & TypeFlags.StringLiteral) return { value: (type as ts.StringLiteralType).value };
    if (flags & TypeFlags.NumberLiteral) return { value: (type as ts.NumberLiteralType).value };
    if (flags & TypeFlags.BigIntLiteral) {
      return { value: `${this.#checker.typeToString(type)}`, bigint: true };
    }
    if (flags & TypeFlags.BooleanLiteral) {
      return { value: this.#checker.typeToString(type) === "true" };
    }
    if (flags & (TypeFlags.String | TypeFlags.StringMapping)) return "string";
    if (flags & (TypeFlags.Number | TypeFlags.Enum)) return "number";
    if (flags & TypeFlags.Boolean) return "boolean";
    if (flags & TypeFlags.BigInt) return "bigint";
    if (flags & TypeFlags.Null) return "null";
    if (flags & (TypeFlags.Undefined | TypeFlags.Void)) return "undefined";
    return undefined;
  }

  #any(type: ts.Type, place: TypePlace): Shape {
    const isUnresolved = (type as { intrinsicName?: string }).intrinsicName === "error";
    return isUnresolved
      ? this.#refuse(place, "has a type that cannot be resolved", "see what `deno check` says")
      : this.#refuse(place, "is any", "give it a type, or unknown if anything may be in it");
  }

  #refuse(place: TypePlace, text: string, remedy: string): Shape {
    const file = place.node.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(place.node.getStart(file));
    this.#report({ file: file.fileName, line: line + 1, place: place.text, text, remedy });
    return "unknown";
  }

  /** The types that were read where the same is allowed. */
  #readAs({ stored, serializers }: TypePlace): Set<ts.Type> {
    const key = stored ? `stored ${serializers && [...serializers].sort()}` : "sent";
    let read = this.#read.get(key);
    if (read === undefined) this.#read.set(key, read = new Set());
    return read;
  }

  /** Types with parts; each that has a name is read once, and referred to by it. */
  #structure(type: ts.Type, place: TypePlace): Shape {
    const special = this.#special(type, place);
    if (special !== undefined) return special;
    const open = this.#open.get(type);
    if (open !== undefined) {
      open.name ??= this.#nameFor(type, "Recursive");
      return { type: open.name };
    }
    const known = this.#names.get(type);
    const read = this.#readAs(place);
    if (known !== undefined && read.has(type)) return { type: known };
    if (this.#depth >= maxDepth) {
      return this.#refuse(
        place,
        "is nested too deeply, or without an end",
        "use a type that refers to itself by its name",
      );
    }
    const declared = this.#declaredName(type);
    const entry = { name: declared === undefined ? known : this.#nameFor(type, declared) };
    this.#open.set(type, entry);
    this.#depth++;
    const shape = type.isUnion() ? this.#union(type.types, place) : this.#object(type, place);
    this.#depth--;
    this.#open.delete(type);
    if (entry.name === undefined) return shape;
    read.add(type);
    this.#shapes.set(entry.name, shape);
    return { type: entry.name };
  }

  /** What the codec knows as such. */
  #special(type: ts.Type, place: TypePlace): Shape | undefined {
    if (type.isUnion() || type.isIntersection()) {
      return type.isUnion() && !type.types.some((member) => this.#isPlain(member))
        ? this.#union(type.types, place)
        : undefined;
    }
    const checker = this.#checker;
    if (checker.isTupleType(type)) return this.#tuple(type as ts.TupleTypeReference, place);
    if (checker.isArrayType(type)) {
      const [element] = checker.getTypeArguments(type as ts.TypeReference);
      return { list: this.read(element!, deeper(place, "[]")) };
    }
    const { symbol } = type;
    if (symbol === undefined) return undefined;
    const serialized = this.#serializerOf(type);
    if (serialized !== undefined) {
      if (!place.stored || place.serializers?.has(serialized) !== false) return { serialized };
      const what = `has a value of the serializer ${serialized}, which schema.serializers lacks`;
      return this.#refuse(place, what, "add it to schema.serializers, or store plain data of it");
    }
    if (isReferenceType(symbol) || this.#inheritsFrom(type, isReferenceType)) {
      return this.#reference(type, place);
    }
    if (isServiceKeyType(symbol)) return { fields: { id: "string" } };
    if (this.#isOfLibrary(symbol)) return this.#ofLibrary(type, place);
    if (this.#inheritsFrom(type, (base) => base.name === "Error" && this.#isOfLibrary(base))) {
      return "Error";
    }
    return this.#refuseCode(type, place);
  }

  /** Functions and instances of classes. */
  #refuseCode(type: ts.Type, place: TypePlace): Shape | undefined {
    const { symbol } = type;
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0) {
      const remedy = "leave it out, or send a reference to an actor that acts on it";
      return this.#refuse(place, "is a function", remedy);
    }
    if (symbol.flags & this.#ts.SymbolFlags.Class) {
      const remedy = place.stored
        ? "store a plain object with the fields that matter, or give the class a serializer"
        : "send a plain object, or give the class a serializer";
      return this.#refuse(place, `is an instance of the class ${symbol.name}`, remedy);
    }
    return undefined;
  }

  #serializerOf(type: ts.Type): string | undefined {
    const { aliasSymbol, symbol } = type;
    return (aliasSymbol && this.#serializers.get(aliasSymbol)) ?? this.#serializers.get(symbol);
  }

  #reference(type: ts.Type, place: TypePlace): Shape {
    if (place.stored) {
      const remedy = "store the entity id or the path of the actor";
      return this.#refuse(place, "is a reference to an actor, which cannot be stored", remedy);
    }
    const tell = type.getProperty("tell");
    const [signature] = tell === undefined
      ? []
      : this.#checker.getTypeOfSymbol(tell).getCallSignatures();
    const [parameter] = signature?.getParameters() ?? [];
    if (parameter === undefined) return { ref: "unknown" };
    const message = this.#checker.getTypeOfSymbol(parameter);
    // A reference that nobody sends to, such as one to watch or to compare.
    if (message.flags & this.#ts.TypeFlags.Never) return { ref: "unknown" };
    return { ref: this.read(message, deeper(place, ", what it accepts")) };
  }

  #inheritsFrom(type: ts.Type, test: (symbol: ts.Symbol) => boolean): boolean {
    const target = (type as ts.TypeReference).target ?? type;
    if (!target.isClassOrInterface()) return false;
    return (this.#checker.getBaseTypes(target) ?? []).some((base) =>
      base.symbol !== undefined && test(base.symbol) || this.#inheritsFrom(base, test)
    );
  }

  #isOfLibrary(symbol: ts.Symbol): boolean {
    return (symbol.declarations ?? []).some((node) => {
      const file = node.getSourceFile();
      return this.#program.isSourceFileDefaultLibrary(file) ||
        /\/@types\/node\//.test(file.fileName);
    });
  }

  /** Types that JavaScript brings along. */
  #ofLibrary(type: ts.Type, place: TypePlace): Shape | undefined {
    const { name, flags } = type.symbol;
    const leaf = leafTypes.get(name);
    if (leaf !== undefined) return leaf;
    const collection = collectionTypes.get(name);
    if (collection !== undefined) {
      const [first, second] = this.#checker.getTypeArguments(type as ts.TypeReference);
      if (collection === "set") return { set: this.read(first!, deeper(place, "{}")) };
      const key = this.read(first!, deeper(place, "{key}"));
      return { map: [key, this.read(second!, deeper(place, "{}"))] };
    }
    const isError = (symbol: ts.Symbol) => symbol.name === "Error" && this.#isOfLibrary(symbol);
    if (isError(type.symbol) || this.#inheritsFrom(type, isError)) return "Error";
    // A type literal or an interface of data alone is as good as one of the program.
    if (!(flags & this.#ts.SymbolFlags.Value) && type.getCallSignatures().length === 0) {
      return undefined;
    }
    const isFunction = type.getCallSignatures().length > 0 || name === "Function";
    return this.#refuse(
      place,
      isFunction ? "is a function" : `is an instance of the class ${name}`,
      isFunction ? "leave it out" : "use plain data that stands for it",
    );
  }

  #tuple(type: ts.TupleTypeReference, place: TypePlace): Shape {
    const { ElementFlags } = this.#ts;
    const tuple: Shape[] = [];
    let rest: Shape | undefined;
    let required = 0;
    this.#checker.getTypeArguments(type).forEach((element, index) => {
      const flag = type.target.elementFlags[index]!;
      const shape = this.read(element, deeper(place, `[${index}]`));
      if (flag & ElementFlags.Variable) rest = shape;
      else tuple.push(shape);
      if (flag & ElementFlags.Required && rest === undefined) required = tuple.length;
    });
    return {
      tuple,
      ...(required < tuple.length && { required }),
      ...(rest !== undefined && { rest }),
    };
  }

  /** Fields, also those of intersections. */
  #object(type: ts.Type, place: TypePlace): Shape {
    const fields: Record<string, Shape> = {};
    for (const property of type.getProperties()) {
      const field = this.#field(property, place);
      if (field !== undefined) fields[field[0]] = field[1];
    }
    const others = this.#checker.getIndexInfosOfType(type)
      .map(({ type }) => this.read(type, deeper(place, "[key]")));
    return { fields: sorted(fields), ...(others.length > 0 && { others: oneOf(others) }) };
  }

  #field(property: ts.Symbol, place: TypePlace): [string, Shape] | undefined {
    const { SymbolFlags, TypeFlags } = this.#ts;
    // Symbols as keys are not sent.
    if (property.escapedName.toString().startsWith("__@")) return undefined;
    const declaration = property.valueDeclaration ?? property.declarations?.[0];
    const inner = deeper(place, `.${property.name}`);
    // Told where the field is written, if that is in the program.
    const isOwn = declaration !== undefined &&
      !this.#program.isSourceFileFromExternalLibrary(declaration.getSourceFile());
    const at = isOwn ? { ...inner, node: declaration } : inner;
    const type = this.#checker.getTypeOfSymbol(property);
    let members = type.isUnion() ? type.types : [type];
    const isUndefined = ({ flags }: ts.Type) =>
      (flags & (TypeFlags.Undefined | TypeFlags.Void)) !== 0;
    // For a reader, a field that is undefined is as one that is missing.
    const mayBeMissing = (property.flags & SymbolFlags.Optional) !== 0 || members.some(isUndefined);
    if (!mayBeMissing) return [property.name, this.read(type, at)];
    const all = members.length;
    members = members.filter((member) => !isUndefined(member));
    // `field?: never` only says that there is none.
    if (members.every(({ flags }) => flags & TypeFlags.Never)) return undefined;
    const shape = all === members.length ? this.read(type, at) : this.#union(members, at);
    return [`${property.name}?`, shape];
  }

  /** Whether values are plain objects, which a field may tell apart. */
  #isPlain(type: ts.Type): boolean {
    const { TypeFlags, SymbolFlags } = this.#ts;
    if (!(type.flags & (TypeFlags.Object | TypeFlags.Intersection))) return false;
    if (type.isIntersection()) return type.types.every((part) => this.#isPlain(part));
    const checker = this.#checker;
    if (checker.isTupleType(type) || checker.isArrayType(type)) return false;
    const { symbol } = type;
    if (symbol === undefined) return true;
    if (symbol.flags & SymbolFlags.Class || isReferenceType(symbol)) return false;
    if (this.#serializerOf(type) !== undefined) return false;
    return !this.#isOfLibrary(symbol) && type.getCallSignatures().length === 0;
  }

  #union(members: readonly ts.Type[], place: TypePlace): Shape {
    const plain = members.filter((member) => this.#isPlain(member));
    const by = plain.length > 1 ? this.#discriminantOf(plain) : undefined;
    const shapes = members.filter((member) => by === undefined || !plain.includes(member))
      .map((member) => this.read(member, place));
    if (by !== undefined) shapes.push(this.#variants(plain, by, place));
    return oneOf(shapes);
  }

  #variants(members: readonly ts.Type[], by: string, place: TypePlace): Shape {
    const variants = new Map<string, Shape[]>();
    for (const member of members) {
      const tags = this.#tagsOf(member, by)!;
      const shape = this.read(member, deeper(place, ` ${[...tags].join("|")}`));
      for (const tag of tags) variants.set(tag, [...variants.get(tag) ?? [], shape]);
    }
    const found = [...variants].map(([tag, shapes]) => [tag, oneOf(shapes)] as const);
    return { by, variants: sorted(Object.fromEntries(found)) };
  }

  /** The field that tells objects apart: one with other literals in each of them. */
  #discriminantOf(members: readonly ts.Type[]): string | undefined {
    const names = members[0]!.getProperties().map(({ name }) => name)
      .filter((name) => this.#tellsApart(members, name));
    const usual = ["type", "kind", "tag"].find((name) => names.includes(name));
    return usual ?? names.sort()[0];
  }

  #tellsApart(members: readonly ts.Type[], name: string): boolean {
    const seen = new Set<string>();
    for (const member of members) {
      const tags = this.#tagsOf(member, name);
      if (tags === undefined) return false;
      for (const tag of tags) {
        if (seen.has(tag)) return false;
        seen.add(tag);
      }
    }
    return true;
  }

  /** The literals of a field: texts as they are, others as JSON; undefined: it has others, too. */
  #tagsOf(type: ts.Type, name: string): readonly string[] | undefined {
    const property = type.getProperty(name);
    if (property === undefined || property.flags & this.#ts.SymbolFlags.Optional) return undefined;
    const found = this.#checker.getTypeOfSymbol(property);
    const tags: string[] = [];
    for (const member of found.isUnion() ? found.types : [found]) {
      const leaf = this.#leaf(member);
      if (typeof leaf !== "object" || !("value" in leaf)) return undefined;
      tags.push(typeof leaf.value === "string" ? leaf.value : JSON.stringify(leaf.value));
    }
    return tags;
  }

  /** The name that the program gives a type; undefined: none, or one of a helper. */
  #declaredName(type: ts.Type): string | undefined {
    const symbol = type.aliasSymbol ?? type.symbol;
    if (symbol === undefined || symbol.name.startsWith("__")) return undefined;
    if (this.#isOfLibrary(symbol)) return undefined;
    const { NoTruncation, UseAliasDefinedOutsideCurrentScope } = this.#ts.TypeFormatFlags;
    const text = this.#checker.typeToString(
      type,
      undefined,
      NoTruncation | UseAliasDefinedOutsideCurrentScope,
    );
    return text.length > 60 ? symbol.name : text;
  }

  /** A name that no other type has. */
  #nameFor(type: ts.Type, wanted: string): string {
    const known = this.#names.get(type);
    if (known !== undefined) return known;
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number++) name = `${wanted} (${number})`;
    this.#taken.set(name, type);
    this.#names.set(type, name);
    return name;
  }
}

/** A place inside another one. */
function deeper(place: TypePlace, step: string): TypePlace {
  return { ...place, text: place.text + step };
}
