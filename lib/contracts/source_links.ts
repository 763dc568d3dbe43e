/**
 * How expressions of a program are linked: by constants, functions, and calls of `spawn`.
 *
 * @module
 */
import type ts from "typescript";
import type { TypeScript } from "./type_reader.ts";

/** Follows names to what they stand for, as far as it is written down. */
export class SourceLinks {
  readonly #ts: TypeScript;
  readonly #checker: ts.TypeChecker;
  readonly #files: ReadonlySet<ts.SourceFile>;
  /** Calls of `spawn` with a name. */
  readonly #spawns: ts.CallExpression[] = [];

  /** `files`: those of the program; what others declare is not followed. */
  constructor(
    typescript: TypeScript,
    checker: ts.TypeChecker,
    files: ReadonlySet<ts.SourceFile>,
  ) {
    this.#ts = typescript;
    this.#checker = checker;
    this.#files = files;
  }

  /** Remembers a call of the program, if it spawns what a constant holds. */
  add(call: ts.CallExpression): void {
    const { expression, arguments: { length } } = call;
    const isSpawn = this.#ts.isPropertyAccessExpression(expression) &&
      expression.name.text === "spawn";
    if (isSpawn && length > 1) this.#spawns.push(call);
  }

  /** The name with which the behaviour that a call makes is spawned: there, or through a constant. */
  spawnedName(call: ts.CallExpression): ts.Expression | undefined {
    const { parent } = call;
    if (this.#ts.isCallExpression(parent) && parent.arguments[0] === call) {
      return parent.arguments[1];
    }
    const spawn = this.#spawns.find(({ arguments: [spawned] }) =>
      this.#ts.isIdentifier(spawned!) && this.#initializerOf(spawned) === call
    );
    return spawn?.arguments[1];
  }

  /** What a name stands for, also if it is imported. */
  symbolOf(node: ts.Node): ts.Symbol | undefined {
    const symbol = this.#checker.getSymbolAtLocation(node);
    return symbol && symbol.flags & this.#ts.SymbolFlags.Alias
      ? this.#checker.getAliasedSymbol(symbol)
      : symbol;
  }

  /** Whether a node is in an expression, or in the constants and functions that it names. */
  leadsTo(expression: ts.Expression, wanted: ts.Node): boolean {
    const seen = new Set<ts.Node>();
    let found = false;
    const visit = (node: ts.Node): void => {
      if (node === wanted) found = true;
      if (found) return;
      if (this.#ts.isIdentifier(node)) {
        const declared = this.#declarationOf(node);
        if (declared !== undefined && !seen.has(declared)) {
          seen.add(declared);
          visit(declared);
        }
      }
      this.#ts.forEachChild(node, visit);
    };
    visit(expression);
    return found;
  }

  /** The functions that a call is in, the innermost first. */
  functionsAround(call: ts.Node): ts.Node[] {
    const found: ts.Node[] = [];
    for (let node: ts.Node = call; !this.#ts.isSourceFile(node); node = node.parent) {
      if (this.#ts.isFunctionLike(node)) found.push(node);
    }
    return found;
  }

  /** The name of the constant or function that a call is in. */
  declaredName(call: ts.Node): string {
    let node: ts.Node = call;
    let name = "unnamed";
    while (!this.#ts.isSourceFile(node)) {
      const { name: found } = node as { name?: ts.Node };
      if (found !== undefined && this.#ts.isIdentifier(found)) name = found.text;
      node = node.parent;
    }
    return name;
  }

  /** The constant or function of the program that a name stands for; nothing of packages. */
  #declarationOf(name: ts.Identifier): ts.Node | undefined {
    const declared = this.symbolOf(name)?.valueDeclaration;
    if (declared === undefined || !this.#files.has(declared.getSourceFile())) return undefined;
    const { isFunctionDeclaration, isVariableDeclaration } = this.#ts;
    return isVariableDeclaration(declared)
      ? declared.initializer
      : isFunctionDeclaration(declared)
      ? declared
      : undefined;
  }

  #initializerOf(name: ts.Identifier): ts.Node | undefined {
    const declared = this.symbolOf(name)?.valueDeclaration;
    return declared && this.#ts.isVariableDeclaration(declared) ? declared.initializer : undefined;
  }
}
