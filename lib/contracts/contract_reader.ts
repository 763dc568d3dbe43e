/**
 * Finds the contracts that the modules of a program declare: calls of `entityType`, `eventSourced` and
 * so on, with their type arguments, which users have written anyway.
 *
 * @module
 */
import type ts from "typescript";
import { type DeclaringFunction, declaringFunctionOf, isPersistenceId } from "./casty_types.ts";
import {
  type Contract,
  contractKey,
  type Contracts,
  type DurableContract,
  isAddressed,
  type SpawnedContract,
} from "./contract.ts";
import { singletonKind, workersKind } from "./durable_kinds.ts";
import type { Problem } from "./problem.ts";
import { isSameShape } from "./same_shape.ts";
import { type Shape, sorted } from "./shape.ts";
import { SourceLinks } from "./source_links.ts";
import { type Found, StaticValues } from "./static_value.ts";
import { type TypePlace, TypeReader, type TypeScript } from "./type_reader.ts";

/** What was found. */
export interface ReadContracts extends Contracts {
  /** What keeps contracts from being read: then they are not to be compared. */
  readonly problems: readonly Problem[];
  /** What is not checked. */
  readonly notes: readonly Problem[];
}

/** A call that declares a contract. */
interface Declaration {
  readonly by: DeclaringFunction;
  readonly call: ts.CallExpression;
  readonly signature: ts.Signature;
}

/** Reads the contracts of the files of a program for which `isOwn`. */
export function readContracts(
  typescript: TypeScript,
  program: ts.Program,
  isOwn: (file: ts.SourceFile) => boolean,
): ReadContracts {
  return new ContractReader(typescript, program).read(program.getSourceFiles().filter(isOwn));
}

class ContractReader {
  readonly #ts: TypeScript;
  readonly #checker: ts.TypeChecker;
  readonly #values: StaticValues;
  readonly #types: TypeReader;
  readonly #contracts = new Map<string, Contract>();
  readonly #problems = new Map<string, Problem>();
  readonly #notes: Problem[] = [];
  #links!: SourceLinks;
  #found: readonly Declaration[] = [];

  constructor(typescript: TypeScript, program: ts.Program) {
    this.#ts = typescript;
    this.#checker = program.getTypeChecker();
    this.#values = new StaticValues(typescript, this.#checker);
    this.#types = new TypeReader(typescript, program, (problem) => this.#addProblem(problem));
  }

  read(files: readonly ts.SourceFile[]): ReadContracts {
    this.#links = new SourceLinks(this.#ts, this.#checker, new Set(files));
    const inOrder = files.toSorted((a, b) => a.fileName < b.fileName ? -1 : 1);
    const found = this.#found = inOrder.flatMap((file) => this.#declarationsIn(file));
    // Serializers first: other types may have values of theirs.
    for (const one of found) if (one.by === "serializer") this.#serializer(one);
    for (const one of found) this.#declare(one);
    const types = Object.fromEntries(this.#types.shapes);
    return {
      contracts: sorted(withoutDoubles(Object.fromEntries(this.#contracts), types)),
      types: sorted(types),
      problems: [...this.#problems.values()],
      notes: this.#notes,
    };
  }

  #declarationsIn(file: ts.SourceFile): Declaration[] {
    const found: Declaration[] = [];
    const visit = (node: ts.Node): void => {
      if (this.#ts.isCallExpression(node)) {
        const signature = this.#checker.getResolvedSignature(node);
        const by = declaringFunctionOf(signature?.getDeclaration());
        if (by !== undefined) found.push({ by, call: node, signature: signature! });
        this.#links.add(node);
      }
      this.#ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  }

  #declare(declaration: Declaration): void {
    switch (declaration.by) {
      case "entityType":
        return this.#entityType(declaration);
      case "sharded":
        return this.#sharded(declaration);
      case "singleton":
      case "workers":
      case "broadcasted":
        return this.#spawned(declaration, spawnedKinds[declaration.by]);
      case "ServiceKey":
        return this.#named(declaration, "service", "service key");
      case "Topic":
        return this.#named(declaration, "topic", "topic");
      case "eventSourced":
      case "durableState":
        return this.#durable(declaration, declaration.by);
    }
  }

  #entityType({ call, signature }: Declaration): void {
    const name = this.#nameIn(call, "entity type");
    if (name === undefined) return;
    const [options] = call.arguments.slice(1);
    this.#entity(call, name, this.#argument(signature.getReturnType(), 0), options);
  }

  #entity(
    call: ts.CallExpression,
    name: string,
    message: ts.Type | undefined,
    options: ts.Expression | undefined,
  ): void {
    const key = contractKey("entity", name);
    const given = options === undefined ? undefined : this.#values.property(options, "numShards");
    const numShards = given === undefined ? defaultShards : this.#number(given);
    if (numShards === undefined) {
      this.#note(call, key, "numShards is computed", "write it as a number, so that it is checked");
    }
    this.#add(key, call, {
      kind: "entity",
      ...(numShards !== undefined && { numShards }),
      message: this.#shape(message, { node: call, text: `${key}, message`, stored: false }),
    });
  }

  /** Entities without an `entityType` have the name with which they are spawned. */
  #sharded({ call, signature }: Declaration): void {
    const [first, options] = call.arguments;
    const type = this.#checker.getTypeAtLocation(first!);
    if (type.symbol?.name === "EntityType") return;
    const name = this.#spawnedName(call);
    if (name === undefined) {
      const remedy = "give the entities an entityType";
      return this.#note(call, "Behaviors.sharded", "the name of the entities is not known", remedy);
    }
    this.#entity(call, name, this.#argument(signature.getReturnType(), 0), options);
  }

  /** Singletons, workers and broadcasted actors have the name with which they are spawned. */
  #spawned({ by, call, signature }: Declaration, kind: SpawnedContract["kind"]): void {
    const type = this.#argument(signature.getReturnType(), 0);
    // What takes no messages promises none.
    if (type !== undefined && type.flags & this.#ts.TypeFlags.Never) return;
    const name = this.#spawnedName(call);
    if (name === undefined) {
      const remedy = "write its name as a text where it is spawned";
      return this.#note(call, `Behaviors.${by}`, "the name of the actor is not known", remedy);
    }
    const key = contractKey(kind, name);
    const message = this.#shape(type, { node: call, text: `${key}, message`, stored: false });
    if (kind !== "workers") return this.#add(key, call, { kind, message });
    const count = this.#values.number(call.arguments[0]!);
    if (count === undefined) {
      this.#note(call, key, "its count is computed", "write it as a number, so that it is checked");
    }
    this.#add(key, call, { kind, ...(count !== undefined && { count }), message });
  }

  #spawnedName(call: ts.CallExpression): string | undefined {
    const name = this.#links.spawnedName(call);
    return name && this.#values.text(name);
  }

  /** What is reached by a name that both sides share. */
  #named({ call, signature }: Declaration, kind: "service" | "topic", what: string): void {
    const name = this.#nameIn(call, what);
    if (name === undefined) return;
    const key = contractKey(kind, name);
    const type = this.#argument(signature.getReturnType(), 0);
    const message = this.#shape(type, { node: call, text: `${key}, message`, stored: false });
    this.#add(key, call, { kind, message });
  }

  #serializer({ call, signature }: Declaration): void {
    const [options] = call.arguments;
    if (options === undefined) return;
    const name = this.#textOf(this.#values.property(options, "name"));
    if (name === undefined) {
      return this.#note(call, "serializer", "its name is computed", "write it as a text");
    }
    const given = this.#values.property(options, "version");
    const version = given === undefined ? 1 : this.#number(given);
    const key = contractKey("serializer", name);
    if (version === undefined) {
      return this.#refuse(call, key, "its version is computed", "write it as a number");
    }
    const type = this.#firstParameter(signature)?.getProperty("encode");
    const value = type && this.#checker.getTypeOfSymbol(type).getCallSignatures()[0]
      ?.getParameters()[0];
    // Earlier versions are there to read what is stored.
    const before = this.#contracts.get(key);
    if (before?.kind === "serializer") {
      if (before.version > version) return;
      if (before.version < version) this.#contracts.delete(key);
    }
    if (value !== undefined) {
      this.#types.addSerializer(this.#checker.getTypeOfSymbol(value), `${name}@${version}`);
    }
    const encode = this.#values.property(options, "encode");
    const [written] = encode === undefined || encode === "computed"
      ? []
      : this.#checker.getTypeAtLocation(encode).getCallSignatures();
    const place = { node: call, text: `${key}, data`, stored: false };
    const data = written && this.#types.read(written.getReturnType(), place);
    this.#add(key, call, { kind: "serializer", version, data: data ?? "unknown" });
  }

  #durable({ call, signature }: Declaration, kind: DurableContract["kind"]): void {
    const [definition] = call.arguments;
    const types = this.#argumentsOf(this.#firstParameter(signature));
    if (definition === undefined || types === undefined) return;
    const name = this.#persistenceKind(definition, call);
    const key = contractKey(kind, name);
    const schema = this.#values.property(definition, "schema");
    const version = this.#versionOf(schema);
    if (version === undefined) {
      const remedy = "write schema.version as a number";
      return this.#refuse(call, key, "its version is computed", remedy);
    }
    const serializers = this.#serializersOf(schema);
    const at = (text: string, stored: boolean): TypePlace => ({
      node: call,
      text: `${key}, ${text}`,
      stored,
      serializers,
    });
    const [command, event, state] = kind === "eventSourced"
      ? types
      : [types[0], undefined, types[1]];
    const upcastEvent = this.#upcastsOf(schema, "upcastEvent");
    const upcastState = this.#upcastsOf(schema, "upcastState");
    for (const unused of [...upcastEvent, ...upcastState].filter((from) => from >= version)) {
      const remedy = `raise schema.version to ${unused + 1}`;
      this.#note(call, key, `the upcaster of version ${unused} is never used`, remedy);
    }
    const snapshots = kind === "eventSourced" &&
      this.#values.property(definition, "snapshots") !== undefined;
    this.#add(key, call, {
      kind,
      version,
      ...(upcastEvent.length > 0 && { upcastEvent }),
      ...(upcastState.length > 0 && { upcastState }),
      message: this.#shape(command, at("message", false)),
      ...(event !== undefined && { event: this.#shape(event, at("event", true)) }),
      state: this.#shape(state, at("state", kind === "durableState" || snapshots)),
      ...(snapshots && { snapshots }),
    });
  }

  #versionOf(schema: Found): number | undefined {
    if (schema === undefined) return 0;
    if (schema === "computed") return undefined;
    const version = this.#values.property(schema, "version");
    return version === undefined ? 0 : this.#number(version);
  }

  /** Those of `schema.serializers`; undefined: they are not all written down. */
  #serializersOf(schema: Found): ReadonlySet<string> | undefined {
    if (schema === undefined) return new Set();
    if (schema === "computed") return undefined;
    const given = this.#values.property(schema, "serializers");
    if (given === undefined) return new Set();
    const made = given === "computed" ? undefined : this.#values.elements(given);
    const names = made?.map((one) => this.#signatureOf(one));
    return names?.every((name) => name !== undefined) ? new Set(names) : undefined;
  }

  /** `name@version` of a call of `serializer`. */
  #signatureOf(call: ts.Expression): string | undefined {
    if (!this.#ts.isCallExpression(call)) return undefined;
    const signature = this.#checker.getResolvedSignature(call);
    const [options] = call.arguments;
    if (declaringFunctionOf(signature?.getDeclaration()) !== "serializer" || !options) {
      return undefined;
    }
    const name = this.#textOf(this.#values.property(options, "name"));
    const given = this.#values.property(options, "version");
    const version = given === undefined ? 1 : this.#number(given);
    return name === undefined || version === undefined ? undefined : `${name}@${version}`;
  }

  #upcastsOf(schema: Found, name: string): readonly number[] {
    if (schema === undefined || schema === "computed") return [];
    const upcasts = this.#values.property(schema, name);
    if (upcasts === undefined || upcasts === "computed") return [];
    const versions = (this.#values.names(upcasts) ?? []).map(Number);
    return versions.filter(Number.isSafeInteger).sort((a, b) => a - b);
  }

  /** The kind in the persistence id: what stands before `|`. */
  #persistenceKind(definition: ts.Expression, call: ts.CallExpression): string {
    const id = this.#values.property(definition, "id");
    const found = id === undefined || id === "computed" ? undefined : this.#kindIn(id);
    if (found !== undefined) return found;
    const name = id === undefined ? this.#shardedAs(call) : undefined;
    if (name !== undefined) return name;
    const declared = this.#links.declaredName(call);
    const key = contractKey("eventSourced", declared);
    const remedy = "use persistenceId with a text for the kind, so that a change of it is noticed";
    this.#note(call, key, "the kind in its id is not known; this is where it is declared", remedy);
    return declared;
  }

  #kindIn(id: ts.Expression): string | undefined {
    if (this.#ts.isCallExpression(id)) {
      const signature = this.#checker.getResolvedSignature(id);
      const [kind] = id.arguments;
      if (kind === undefined || !isPersistenceId(signature?.getDeclaration())) return undefined;
      return this.#values.text(kind) ?? this.#nameOfType(kind);
    }
    const text = this.#ts.isTemplateExpression(id) ? id.head.text : this.#values.text(id);
    return text?.includes("|") ? text.slice(0, text.indexOf("|")) : undefined;
  }

  /** `Accounts.name`, where `Accounts` is an entity type. */
  #nameOfType(expression: ts.Expression): string | undefined {
    const isName = this.#ts.isPropertyAccessExpression(expression) &&
      expression.name.text === "name";
    return isName ? this.#entityTypeName(expression.expression) : undefined;
  }

  /** The type of the entity, singleton or worker that is, or starts, the actor. */
  #shardedAs(call: ts.CallExpression): string | undefined {
    const around = [call, ...this.#links.functionsAround(call)];
    const leadsHere = (made: ts.Expression | undefined) =>
      made !== undefined && around.some((node) => this.#links.leadsTo(made, node));
    for (const { by, call: outer } of this.#found) {
      const [first, second] = outer.arguments;
      if (first === undefined) continue;
      if (by === "singleton" && leadsHere(first)) {
        const name = this.#spawnedName(outer);
        if (name !== undefined) return singletonKind(name);
      } else if (by === "workers" && leadsHere(second)) {
        const name = this.#spawnedName(outer);
        if (name !== undefined) return workersKind(name);
      } else if (by === "sharded" && leadsHere(second)) {
        return this.#entityTypeName(first);
      } else if (by === "sharded" && leadsHere(first)) {
        return this.#spawnedName(outer);
      }
    }
    return undefined;
  }

  /** The name of an entity type that a constant holds. */
  #entityTypeName(type: ts.Expression): string | undefined {
    const declared = this.#links.symbolOf(type)?.valueDeclaration;
    const initializer = declared && this.#ts.isVariableDeclaration(declared)
      ? declared.initializer
      : undefined;
    if (initializer === undefined || !this.#ts.isCallExpression(initializer)) return undefined;
    const signature = this.#checker.getResolvedSignature(initializer);
    const isType = declaringFunctionOf(signature?.getDeclaration()) === "entityType";
    return isType ? this.#values.text(initializer.arguments[0]!) : undefined;
  }

  #nameIn(call: ts.CallExpression, what: string): string | undefined {
    const [first] = call.arguments;
    const name = first && this.#values.text(first);
    if (name === undefined) this.#note(call, what, "its name is computed", "write it as a text");
    return name;
  }

  #firstParameter(signature: ts.Signature): ts.Type | undefined {
    const [parameter] = signature.getParameters();
    return parameter && this.#checker.getTypeOfSymbol(parameter);
  }

  #argument(type: ts.Type, index: number): ts.Type | undefined {
    return this.#argumentsOf(type)?.[index];
  }

  /** The type arguments of an interface or class. */
  #argumentsOf(type: ts.Type | undefined): readonly ts.Type[] | undefined {
    if (type === undefined) return undefined;
    if (type.aliasTypeArguments !== undefined) return type.aliasTypeArguments;
    const isReference = (type as ts.TypeReference).target !== undefined;
    return isReference ? this.#checker.getTypeArguments(type as ts.TypeReference) : undefined;
  }

  #shape(type: ts.Type | undefined, place: TypePlace): Shape {
    return type === undefined ? "unknown" : this.#types.read(type, place);
  }

  #textOf(found: Found): string | undefined {
    return found === undefined || found === "computed" ? undefined : this.#values.text(found);
  }

  #number(found: Found): number | undefined {
    return found === undefined || found === "computed" ? undefined : this.#values.number(found);
  }

  #add(key: string, node: ts.Node, contract: Contract): void {
    const before = this.#contracts.get(key);
    if (before === undefined) {
      this.#contracts.set(key, contract);
      return;
    }
    const types = Object.fromEntries(this.#types.shapes);
    if (isSameContract(before, contract, types)) return;
    const remedy = "declare it once, and import it where it is used";
    this.#refuse(node, key, "it is declared twice, and not alike", remedy);
  }

  #refuse(node: ts.Node, place: string, text: string, remedy: string): void {
    this.#addProblem({ ...positionOf(node), place, text, remedy });
  }

  #note(node: ts.Node, place: string, text: string, remedy: string): void {
    this.#notes.push({ ...positionOf(node), place, text, remedy });
  }

  /** A field of a type that several contracts use is told once. */
  #addProblem(problem: Problem): void {
    const { file, line, place, text } = problem;
    const key = `${file}:${line}:${place.slice(place.lastIndexOf(".") + 1)}:${text}`;
    if (!this.#problems.has(key)) this.#problems.set(key, problem);
  }
}

/** The kinds of contracts of behaviours that are spawned under a name. */
const spawnedKinds = {
  singleton: "singleton",
  workers: "workers",
  broadcasted: "broadcast",
} as const;

/** The default of `numShards`. */
const defaultShards = 256;

function positionOf(node: ts.Node): { readonly file: string; readonly line: number } {
  const file = node.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
  return { file: file.fileName, line: line + 1 };
}

function isSameContract(a: Contract, b: Contract, types: Contracts["types"]): boolean {
  const { shapes: ofA, facts: factsOfA } = partsOf(a);
  const { shapes: ofB, facts: factsOfB } = partsOf(b);
  return factsOfA === factsOfB && ofA.length === ofB.length &&
    ofA.every((shape, index) => isSameShape(shape, ofB[index]!, types));
}

/** What a contract says, with its shapes apart. */
function partsOf(
  contract: Contract,
): { readonly shapes: readonly Shape[]; readonly facts: string } {
  const shapes: Shape[] = [];
  const facts: unknown[] = [];
  for (const [name, value] of Object.entries(contract)) {
    if (["message", "event", "state", "data"].includes(name)) shapes.push(value as Shape);
    else facts.push([name, value]);
  }
  return { shapes, facts: JSON.stringify(facts) };
}

/** Leaves out what durable actors accept where entities, singletons or the like accept the same. */
function withoutDoubles(
  contracts: Readonly<Record<string, Contract>>,
  types: Contracts["types"],
): Record<string, Contract> {
  const accepted = Object.values(contracts)
    .flatMap((contract) => isAddressed(contract) ? [contract.message] : []);
  return Object.fromEntries(
    Object.entries(contracts).map(([key, contract]) => {
      if (contract.kind !== "eventSourced" && contract.kind !== "durableState") {
        return [key, contract];
      }
      const { message, ...rest } = contract;
      const isKnown = message !== undefined &&
        accepted.some((other) => isSameShape(message, other, types));
      return [key, isKnown ? rest : contract];
    }),
  );
}
