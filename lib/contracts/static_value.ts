/**
 * Values that a program gives as options, as far as they are written down in its source.
 *
 * @module
 */
import type ts from "typescript";
import type { TypeScript } from "./type_reader.ts";

/** An expression; `computed`: it is there, or may be, and cannot be found in the source. */
export type Found = ts.Expression | "computed" | undefined;

/** Follows constants and literals of objects. */
export class StaticValues {
  readonly #ts: TypeScript;
  readonly #checker: ts.TypeChecker;

  constructor(typescript: TypeScript, checker: ts.TypeChecker) {
    this.#ts = typescript;
    this.#checker = checker;
  }

  /** A property of an object; undefined: it has none. */
  property(of: ts.Expression, name: string): Found {
    const object = this.#resolve(of);
    if (!this.#ts.isObjectLiteralExpression(object)) {
      return this.#mayHave(object, name) ? "computed" : undefined;
    }
    // The last one counts.
    for (const part of object.properties.toReversed()) {
      if (this.#ts.isSpreadAssignment(part)) {
        const found = this.property(part.expression, name);
        if (found !== undefined) return found;
      } else if (part.name !== undefined && this.#nameOf(part.name) === name) {
        return this.#valueOf(part);
      }
    }
    return undefined;
  }

  /** The names of the properties of an object; undefined: not all of them are written down. */
  names(of: ts.Expression): readonly string[] | undefined {
    const object = this.#resolve(of);
    if (!this.#ts.isObjectLiteralExpression(object)) return undefined;
    const names: string[] = [];
    for (const part of object.properties) {
      if (this.#ts.isSpreadAssignment(part)) {
        const inner = this.names(part.expression);
        if (inner === undefined) return undefined;
        names.push(...inner);
      } else {
        const name = part.name && this.#nameOf(part.name);
        if (name === undefined) return undefined;
        names.push(name);
      }
    }
    return names;
  }

  /** The elements of a list, without the constants around them; undefined: not all are written down. */
  elements(of: ts.Expression): readonly ts.Expression[] | undefined {
    const list = this.#resolve(of);
    if (!this.#ts.isArrayLiteralExpression(list)) return undefined;
    if (list.elements.some((element) => this.#ts.isSpreadElement(element))) return undefined;
    return list.elements.map((element) => this.#resolve(element));
  }

  /** The text of a constant expression. */
  text(of: ts.Expression): string | undefined {
    const found = this.#resolve(of);
    if (this.#ts.isStringLiteralLike(found)) return found.text;
    const type = this.#checker.getTypeAtLocation(found);
    return type.isStringLiteral() ? type.value : undefined;
  }

  /** The number of a constant expression. */
  number(of: ts.Expression): number | undefined {
    const found = this.#resolve(of);
    if (this.#ts.isNumericLiteral(found)) return Number(found.text.replaceAll("_", ""));
    const type = this.#checker.getTypeAtLocation(found);
    return type.isNumberLiteral() ? type.value : undefined;
  }

  /** An expression without what only the checker needs, and the one behind a constant. */
  #resolve(of: ts.Expression, steps = 0): ts.Expression {
    const {
      isParenthesizedExpression,
      isAsExpression,
      isSatisfiesExpression,
      isNonNullExpression,
    } = this.#ts;
    let found = of;
    while (
      isParenthesizedExpression(found) || isAsExpression(found) || isSatisfiesExpression(found) ||
      isNonNullExpression(found)
    ) found = found.expression;
    if (steps > 20) return found;
    if (this.#ts.isCallExpression(found) && /^Object\.freeze$/.test(found.expression.getText())) {
      return this.#resolve(found.arguments[0]!, steps + 1);
    }
    if (!this.#ts.isIdentifier(found) && !this.#ts.isPropertyAccessExpression(found)) return found;
    const initializer = this.#constantOf(found);
    return initializer === undefined ? found : this.#resolve(initializer, steps + 1);
  }

  #constantOf(of: ts.Identifier | ts.PropertyAccessExpression): ts.Expression | undefined {
    let symbol = this.#checker.getSymbolAtLocation(of);
    if (symbol !== undefined && symbol.flags & this.#ts.SymbolFlags.Alias) {
      symbol = this.#checker.getAliasedSymbol(symbol);
    }
    const declaration = symbol?.valueDeclaration;
    if (declaration === undefined) return undefined;
    if (this.#ts.isPropertyAssignment(declaration)) return declaration.initializer;
    if (!this.#ts.isVariableDeclaration(declaration)) return undefined;
    const isConstant =
      (this.#ts.getCombinedNodeFlags(declaration) & this.#ts.NodeFlags.Const) !== 0;
    return isConstant ? declaration.initializer : undefined;
  }

  #nameOf(name: ts.PropertyName): string | undefined {
    if (this.#ts.isComputedPropertyName(name)) {
      return this.text(name.expression) ?? this.number(name.expression)?.toString();
    }
    if (this.#ts.isNumericLiteral(name)) return String(Number(name.text));
    return name.text;
  }

  #valueOf(part: ts.ObjectLiteralElementLike): Found {
    if (this.#ts.isPropertyAssignment(part)) return part.initializer;
    if (this.#ts.isShorthandPropertyAssignment(part)) {
      const symbol = this.#checker.getShorthandAssignmentValueSymbol(part);
      const declaration = symbol?.valueDeclaration;
      if (
        declaration !== undefined && this.#ts.isVariableDeclaration(declaration) &&
        declaration.initializer !== undefined
      ) return declaration.initializer;
    }
    return "computed";
  }

  #mayHave(of: ts.Expression, name: string): boolean {
    const type = this.#checker.getTypeAtLocation(of);
    return this.#checker.getPropertyOfType(type, name) !== undefined;
  }
}
