import { type ActorRef, Ref } from "./ref.ts";

/** A Standard Schema (https://standardschema.dev) of references. Made by {@linkcode actorRef}. */
export interface ActorRefSchema<M> {
  /** The standard's property. */
  readonly "~standard": {
    /** Version of the standard. */
    readonly version: 1;
    /** Name of the library. */
    readonly vendor: "casty";
    /** Accepts references; never asynchronous. */
    readonly validate: (
      value: unknown,
    ) =>
      | { readonly value: ActorRef<M>; readonly issues?: undefined }
      | { readonly issues: readonly { readonly message: string }[] };
    /** Carries the types; never set. */
    readonly types?: { readonly input: ActorRef<M>; readonly output: ActorRef<M> };
  };
}

/**
 * Whether a value is a reference to an actor or entity, of this process or another. An object that
 * only has the methods of one is not. What messages the actor takes is not checked: no reference
 * carries that.
 *
 * @example
 * ```ts
 * import { isActorRef } from "@casty/casty";
 *
 * console.assert(!isActorRef({ path: "/forged", tell: () => {} }));
 * ```
 */
export function isActorRef(value: unknown): value is ActorRef<never> {
  try {
    return value instanceof Ref;
  } catch {
    return false; // A revoked proxy throws.
  }
}

/**
 * A schema of references, for the fields of messages that hold one: any library of Standard Schemas
 * can use it, and `isActorRef` is for those that take a function.
 *
 * @example
 * ```ts
 * import { actorRef } from "@casty/casty";
 *
 * const replyTo = actorRef<number>()["~standard"];
 * console.assert(replyTo.validate("nobody") instanceof Object);
 * console.assert("issues" in replyTo.validate("nobody"));
 * ```
 */
export function actorRef<M>(): ActorRefSchema<M> {
  return {
    "~standard": {
      version: 1,
      vendor: "casty",
      validate: (value) =>
        isActorRef(value)
          ? { value: value as ActorRef<M> }
          : { issues: [{ message: "this is no reference to an actor" }] },
    },
  };
}
