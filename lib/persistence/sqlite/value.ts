/** A value of a statement. */
export type Value = string | number | bigint | Uint8Array | null;
