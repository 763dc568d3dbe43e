/**
 * Recognises the types and functions of Casty in a program: by their names, and by the files that
 * declare them, wherever the package is installed.
 *
 * @module
 */
import type ts from "typescript";

/** Functions whose calls declare contracts, and the files that declare them. */
const declaringFunctions = {
  entityType: ["sharding/routing/entity_type"],
  sharded: ["sharding/sharded_behavior"],
  singleton: ["singleton/singleton_behavior"],
  workers: ["singleton/workers_behavior"],
  // As a function, and as a method of `Behaviors`.
  broadcasted: ["broadcast/broadcast_behavior", "behaviors"],
  Topic: ["topics/topic"],
  ServiceKey: ["actor/services/service_key"],
  // As functions, and as methods of `Behaviors`.
  eventSourced: ["persistence/event_sourced", "behaviors"],
  durableState: ["persistence/durable_state", "behaviors"],
  serializer: ["wire/serializer"],
} as const;

/** A function whose calls declare a contract. */
export type DeclaringFunction = keyof typeof declaringFunctions;

/** Interfaces and classes whose values are references, and the files that declare them. */
const referenceTypes: Readonly<Record<string, string>> = {
  ActorRef: "actor/ref/ref",
  Ref: "actor/ref/ref",
  EntityRef: "sharding/routing/entity_ref",
  ShardRegionRef: "sharding/routing/shard_proxy",
};

/** The declaring function that a call resolves to; undefined: another one. */
export function declaringFunctionOf(
  declaration: ts.SignatureDeclaration | ts.JSDocSignature | undefined,
): DeclaringFunction | undefined {
  if (declaration === undefined) return undefined;
  const path = declaration.getSourceFile().fileName;
  const name = (declaration as { name?: { text?: string } }).name?.text;
  for (const [found, files] of Object.entries(declaringFunctions)) {
    // `sharded` has call signatures of an interface, which have no names.
    const isNamed = name === found || (found === "sharded" && name === undefined);
    if (isNamed && files.some((file) => isCastyFile(path, file))) return found as DeclaringFunction;
  }
  return undefined;
}

/** Whether a call resolves to `persistenceId`. */
export function isPersistenceId(
  declaration: ts.SignatureDeclaration | ts.JSDocSignature | undefined,
): boolean {
  return declaration !== undefined &&
    (declaration as { name?: { text?: string } }).name?.text === "persistenceId" &&
    isCastyFile(declaration.getSourceFile().fileName, "persistence/persistence_id");
}

/** Whether a type is a reference, by its symbol. */
export function isReferenceType(symbol: ts.Symbol | undefined): boolean {
  const file = symbol === undefined ? undefined : referenceTypes[symbol.name];
  return file !== undefined &&
    (symbol!.declarations ?? []).some((node) => isCastyFile(node.getSourceFile().fileName, file));
}

/** Whether a symbol is the type of service keys. */
export function isServiceKeyType(symbol: ts.Symbol | undefined): boolean {
  return symbol?.name === "ServiceKey" &&
    (symbol.declarations ?? []).some((node) =>
      isCastyFile(node.getSourceFile().fileName, "actor/services/service_key")
    );
}

/** Whether a module is the one of this path in Casty, as source or compiled. */
function isCastyFile(path: string, within: string): boolean {
  return path.replace(/\.(?:d\.ts|ts|js)$/, "").endsWith(`/lib/${within}`);
}
