import type { ActorRef } from "../../actor/ref/ref.ts";

/**
 * A value as it arrives as JSON: what has a method `toJSON` is what that returns (a `Date` is its ISO
 * text), and what JSON does not have is `never`.
 */
export type JsonOf<T> = unknown extends T ? unknown
  : T extends string | number | boolean | null | undefined | void ? T
  : T extends { toJSON(): infer J } ? J
  : T extends
    | bigint
    | symbol
    | ActorRef<never>
    | ReadonlyMap<unknown, unknown>
    | ReadonlySet<unknown>
    | ArrayBufferView
    | ((...args: never) => unknown) ? never
  : T extends readonly (infer E)[] ? JsonOf<E>[]
  : T extends object ? { [K in keyof T]: JsonOf<T[K]> }
  : never;
