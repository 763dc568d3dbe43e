/**
 * The messages between those whose work is limited and the limiter of a key, which is a sharded entity.
 *
 * @module
 */
import type { ActorRef } from "../../actor/ref/ref.ts";
import { isLimiterState, isPermitId, type LimiterState } from "./limiter_state.ts";

/** The limits that a holder wants to be kept. */
export interface LimitValues {
  /** Starts in any second; below 1: one in `1 / perSecond` seconds. */
  readonly perSecond?: number;
  /** How much of the work may run at once. */
  readonly concurrency?: number;
}

/** Asks for a permit. */
export interface LimitAcquire extends LimitValues {
  /** Names the message. */
  readonly type: "limitAcquire";
  /** Of the permit: random, given by the holder. */
  readonly id: string;
  /** Starts in any second. */
  readonly perSecond?: number;
  /** How much of the work may run at once. */
  readonly concurrency?: number;
  /** Gets the answer. */
  readonly replyTo: ActorRef<LimitAnswer>;
}

/** The holder has started the work. */
export interface LimitStarted {
  /** Names the message. */
  readonly type: "limitStarted";
  /** Of the permit. */
  readonly id: string;
}

/** The work still runs. */
export interface LimitRenew {
  /** Names the message. */
  readonly type: "limitRenew";
  /** Of the permit. */
  readonly id: string;
  /** Gets the answer. */
  readonly replyTo: ActorRef<LimitAnswer>;
}

/** The work has ended, or was never started. */
export interface LimitEnd {
  /** Names the message. */
  readonly type: "limitEnd";
  /** Of the permit. */
  readonly id: string;
  /** Whether the work was started. */
  readonly used: boolean;
}

/** A limiter has ended in order, and tells its successor what it knew. Clients may not send it. */
export interface LimitHandOver {
  /** Names the message. */
  readonly type: "limitHandOver";
  /** The epoch of the grant of its shard. */
  readonly epoch: number;
  /** What it knew. */
  readonly state: LimiterState;
}

/** The messages of a limiter. */
export type LimiterMessage =
  | LimitAcquire
  | LimitStarted
  | LimitRenew
  | LimitEnd
  | LimitHandOver;

/** Why a permit is not given: the rate, the concurrency, or what an earlier owner may have given. */
export type LimitReason = "rate" | "concurrency" | "takeover";

/** The answers of a limiter. */
export type LimitAnswer =
  | { readonly type: "limitGranted" }
  | {
    readonly type: "limitRefused";
    readonly reason: LimitReason;
    readonly retryAfter: number;
  }
  | { readonly type: "limitRenewed" }
  | { readonly type: "limitLost" };

/** Whether a message of an unknown sender belongs to the protocol. */
export function isLimiterMessage(message: LimiterMessage): boolean {
  if (message?.type === "limitHandOver") {
    return Number.isSafeInteger(message.epoch) && isLimiterState(message.state);
  }
  if (!isPermitId(message?.id)) return false;
  switch (message.type) {
    case "limitAcquire":
      return isLimit(message.perSecond, 0.01, 100_000) && isLimit(message.concurrency, 1, 10_000) &&
        isRef(message.replyTo);
    case "limitRenew":
      return isRef(message.replyTo);
    case "limitEnd":
      return typeof message.used === "boolean";
    case "limitStarted":
      return true;
    default:
      return false;
  }
}

function isLimit(value: unknown, min: number, max: number): boolean {
  return value === undefined || typeof value === "number" && value >= min && value <= max;
}

function isRef(value: unknown): boolean {
  return typeof (value as ActorRef<never> | undefined)?.tell === "function";
}
