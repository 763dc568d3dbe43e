import { nestedTooDeeply } from "./errors.ts";
import { maxNesting, type Shape, type Shapes, unfold } from "./shape.ts";

/** Whether two shapes of one program are the same, whatever names their parts have. */
export function isSameShape(a: Shape, b: Shape, types: Shapes): boolean {
  return isSameIn(a, types, b, types);
}

/**
 * The same for shapes of two programs.
 *
 * @throws {ContractsError} code `badContractsFile`: deeper than {@linkcode maxNesting}.
 */
export function isSameIn(a: Shape, inA: Shapes, b: Shape, inB: Shapes): boolean {
  // A type that leads back to itself is the same unless a difference is found on the way.
  const assumed = new Set<string>();
  const isSame = (a: Shape, b: Shape, depth: number): boolean => {
    if (depth > maxNesting) throw nestedTooDeeply(maxNesting);
    if (typeof a === "object" && "type" in a || typeof b === "object" && "type" in b) {
      const pair = JSON.stringify([a, b]);
      if (assumed.has(pair)) return true;
      assumed.add(pair);
    }
    const [x, y] = [takeApart(unfold(a, inA)), takeApart(unfold(b, inB))];
    return x.head === y.head &&
      x.parts.every((part, index) => isSame(part, y.parts[index]!, depth + 1));
  };
  return isSame(a, b, 0);
}

/** A shape in two: all that is not a shape, as text, and the shapes in it. */
function takeApart(shape: Shape): { readonly head: string; readonly parts: readonly Shape[] } {
  const split = (head: unknown, parts: readonly Shape[]) => ({
    head: JSON.stringify([head, parts.length]),
    parts,
  });
  if (typeof shape === "string") return split(shape, []);
  if ("fields" in shape) {
    const { fields, others } = shape;
    const parts = Object.values(fields);
    return others === undefined
      ? split([Object.keys(fields)], parts)
      : split([Object.keys(fields), "others"], [...parts, others]);
  }
  if ("variants" in shape) {
    return split([shape.by, Object.keys(shape.variants)], Object.values(shape.variants));
  }
  if ("oneOf" in shape) return split("oneOf", shape.oneOf);
  if ("list" in shape) return split("list", [shape.list]);
  if ("set" in shape) return split("set", [shape.set]);
  if ("map" in shape) return split("map", shape.map);
  if ("ref" in shape) return split("ref", [shape.ref]);
  if ("tuple" in shape) {
    const { tuple, required = tuple.length, rest } = shape;
    return split(["tuple", required], rest === undefined ? tuple : [...tuple, rest]);
  }
  return split(shape, []);
}
