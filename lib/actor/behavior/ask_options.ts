/** How long and how a reply is waited for. */
export interface AskOptions {
  /** Milliseconds. Default 5 000. */
  readonly timeout?: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * A message as it is written in the source: what the compiler then takes for constant, such as the
 * names of types and the arrays, may stand for what can be changed. It saves `as const`.
 */
export type LiteralOf<M> = M | Immutable<M>;

/** All properties and arrays of plain data, read only. */
export type Immutable<T> = T extends readonly (infer E)[] ? readonly Immutable<E>[]
  : T extends (...args: never) => unknown ? T
  : T extends object ? { readonly [K in keyof T]: Immutable<T[K]> }
  : T;
