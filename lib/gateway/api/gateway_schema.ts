import type { MessageSchema } from "../../actor/behavior/message_schema.ts";

/** What a schema takes: what a client passes. */
export type InputOf<S> = S extends undefined ? undefined
  : S extends { readonly "~standard": { readonly types?: infer T } }
    ? NonNullable<T> extends { readonly input: infer I } ? I : OutputOf<S>
  : OutputOf<S>;

/** What a schema returns: what the message is made of. */
export type OutputOf<S> = S extends MessageSchema<infer O> ? O : undefined;
