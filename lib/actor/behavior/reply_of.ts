import type { ActorRef } from "../ref/ref.ts";
import type { LiteralOf } from "./ask_options.ts";

/** A message for another actor, inside of one: a shard envelope is such. */
interface Enveloped<out M> {
  readonly type: "shardEnvelope";
  readonly message: M;
}

/** What the members of `M` that a message `Q` can be declare where `Q` has its reply reference. */
type ReplyIn<M, Q> = M extends Enveloped<infer I>
  ? Q extends Enveloped<infer J> ? ReplyIn<I, J> : never
  : M extends unknown ? Q extends LiteralOf<M> ? ReplyAt<M, Q> : never
  : never;

/** `M` is the reference itself, or has it as a property. */
type ReplyAt<M, Q> = Q extends ActorRef<never> ? MessageOf<M>
  : M extends object ? { [K in keyof Q & keyof M]-?: IsReplyTo<Q[K], MessageOf<M[K]>> }[
      keyof Q & keyof M
    ]
  : never;

/** Only a reply reference that is not annotated takes anything; other references name a type. */
type IsReplyTo<V, R> = V extends ActorRef<infer A> ? unknown extends A ? R : never : never;

type MessageOf<M> = NonNullable<M> extends ActorRef<infer R> ? R : never;

/** `never` says nothing of the reply. */
type Known<R> = [R] extends [never] ? unknown : R;

/**
 * The type of an ask's reply: `R`, what the factory says that its reply reference takes, and what the
 * messages `M` of the asked actor declare in its place in the message `Q`. Each says nothing
 * (`unknown`) where it is not known.
 */
export type ReplyOf<M, R, Q> =
  & R
  & (LiteralOf<M> extends Q ? unknown : Known<ReplyIn<M, Q>>);
