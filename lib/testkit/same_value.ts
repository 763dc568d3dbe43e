import { Ref } from "../actor/ref/ref.ts";

/** Pairs that are being compared further up: a circle is equal if all of its other parts are. */
type Open = (readonly [object, object])[];

/**
 * Whether two values are equal in all their parts: own properties, symbols included,
 * and the prototype. References are equal if they point to the same actor, numbers as by
 * `Object.is`, functions and promises only if they are the same.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  return same(a, b, []);
}

function same(a: unknown, b: unknown, open: Open): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Ref) return a.equals(b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (isOpaque(a)) return false;
  if (open.some(([left, right]) => left === a && right === b)) return true;
  open.push([a, b]);
  const equal = sameContent(a, b, open) && sameProperties(a, b, open);
  open.pop();
  return equal;
}

/** Types that cannot be inspected. */
function isOpaque(value: object): boolean {
  return value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet ||
    value instanceof WeakRef;
}

/** Compares content outside properties. Both are of one class. */
function sameContent(a: object, b: object, open: Open): boolean {
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof RegExp) return String(a) === String(b);
  if (a instanceof Map) return sameMap(a, b as Map<unknown, unknown>, open);
  if (a instanceof Set) return sameSet(a, b as Set<unknown>, open);
  if (a instanceof Error) return sameError(a, b as Error, open);
  if (a instanceof ArrayBuffer) {
    return sameBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  }
  if (ArrayBuffer.isView(a)) return sameBytes(bytesOf(a), bytesOf(b as ArrayBufferView));
  if (a instanceof Number || a instanceof String || a instanceof Boolean) {
    return Object.is(a.valueOf(), b.valueOf());
  }
  return true;
}

function sameProperties(a: object, b: object, open: Open): boolean {
  // The elements of these are their bytes, which are compared already.
  if (ArrayBuffer.isView(a)) return true;
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  const keys = ownKeys(a);
  if (keys.length !== ownKeys(b).length) return false;
  return keys.every((key) =>
    Object.hasOwn(b, key) &&
    same((a as Record<PropertyKey, unknown>)[key], (b as Record<PropertyKey, unknown>)[key], open)
  );
}

function ownKeys(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  );
}

/** The message of an error is in properties that are not enumerable; its stack is ignored. */
function sameError(a: Error, b: Error, open: Open): boolean {
  return a.name === b.name && a.message === b.message && same(a.cause, b.cause, open) &&
    same((a as AggregateError).errors, (b as AggregateError).errors, open);
}

function sameMap(a: Map<unknown, unknown>, b: Map<unknown, unknown>, open: Open): boolean {
  if (a.size !== b.size) return false;
  return sameUnordered([...a], [...b], open);
}

function sameSet(a: Set<unknown>, b: Set<unknown>, open: Open): boolean {
  return a.size === b.size && sameUnordered([...a], [...b], open);
}

/** Each of one has an equal one in the other that no earlier one has taken. */
function sameUnordered(a: unknown[], b: unknown[], open: Open): boolean {
  return a.every((left) => {
    const index = b.findIndex((right) => same(left, right, open));
    if (index >= 0) b.splice(index, 1);
    return index >= 0;
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
