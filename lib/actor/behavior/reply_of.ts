import type { ActorRef } from "../ref/ref.ts";
import type { LiteralOf } from "./ask_options.ts";

/**
 * The type of an ask's reply: `R`, what the factory says that its reply reference takes, and what the
 * messages `M` of the asked actor declare in its place in the message `Q`, in a shard envelope, too.
 * Each says nothing (`unknown`) where it is not known.
 *
 * The place is the message itself, or the property whose reference takes anything: only a reply
 * reference without annotation does, others name the type of their messages.
 */
export type ReplyOf<M, R, Q> =
  & R
  & (LiteralOf<M> extends Q ? unknown
    : (
      M extends { readonly type: "shardEnvelope"; readonly message: infer I }
        ? Q extends { readonly type: "shardEnvelope"; readonly message: infer J }
          ? ReplyOf<I, unknown, J>
        : never
        : M extends unknown
          ? Q extends LiteralOf<M>
            ? Q extends ActorRef<never> ? M extends ActorRef<infer T> ? T : never
            : {
              [K in keyof Q & keyof M]-?: Q[K] extends ActorRef<infer A>
                ? unknown extends A ? NonNullable<M[K]> extends ActorRef<infer T> ? T : never
                : never
                : never;
            }[keyof Q & keyof M]
          : never
        : never
    ) extends infer Reply ? [Reply] extends [never] ? unknown : Reply
    : never);
