/**
 * Which of the types that JavaScript brings along the codec carries, by their names. The codec itself
 * decides by prototypes (`lib/wire/encoder.ts`); a test compares both.
 *
 * @module
 */

/** Arrays of bytes and numbers. */
export const binaryTypes: readonly string[] = [
  "ArrayBuffer",
  "Uint8Array",
  "Int8Array",
  "Uint8ClampedArray",
  "Uint16Array",
  "Int16Array",
  "Uint32Array",
  "Int32Array",
  "Float32Array",
  "Float64Array",
  "BigUint64Array",
  "BigInt64Array",
  "DataView",
  "Float16Array",
];

/** Carried without type arguments, by the name in TypeScript: the name of the shape. */
export const leafTypes: ReadonlyMap<string, string> = new Map([
  ...binaryTypes.map((name) => [name, name] as const),
  ["Date", "Date"],
  // The bytes of a Buffer are all that is sent of it.
  ["Buffer", "Uint8Array"],
]);

/** Maps and sets, by the name in TypeScript. */
export const collectionTypes: ReadonlyMap<string, "map" | "set"> = new Map([
  ["Map", "map"],
  ["ReadonlyMap", "map"],
  ["Set", "set"],
  ["ReadonlySet", "set"],
]);
