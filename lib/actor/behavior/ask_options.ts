/** How long and how a reply is waited for. */
export interface AskOptions {
  /** Milliseconds. Default 5 000. */
  readonly timeout?: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * A message as a literal in the source: values that the compiler infers as constant, such as type
 * names and arrays, may be used for mutable ones. It saves `as const`.
 */
export type LiteralOf<M> = M | Immutable<M>;

/** All properties and arrays of plain data, read only. */
export type Immutable<T> = T extends readonly (infer E)[] ? readonly Immutable<E>[]
  : T extends (...args: never) => unknown ? T
  : T extends object ? { readonly [K in keyof T]: Immutable<T[K]> }
  : T;
