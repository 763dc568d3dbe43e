/**
 * The entity that limits the work under one key.
 *
 * @module
 */
import type { Behavior } from "../../actor/behavior/behavior.ts";
import { Behaviors } from "../../actor/behavior/behaviors.ts";
import type { ActorContext } from "../../actor/behavior/context.ts";
import type { LocalSystem } from "../../actor/behavior/local_system.ts";
import { type EntityKeeper, LocalRef } from "../../actor/ref/local_ref.ts";
import { DeliveryTelemetry } from "../delivery_telemetry.ts";
import { EndedLimiters } from "./ended_limiters.ts";
import { Limiter } from "./limiter.ts";
import { longestMemory } from "./limit_timing.ts";
import { isLimiterMessage, type LimiterMessage, type LimitHandOver } from "./protocol.ts";

const endedAt = new WeakMap<LocalSystem, EndedLimiters>();

/** The limiter of a key. */
export function limiterEntity(key: string): Behavior<LimiterMessage> {
  return Behaviors.setup<LimiterMessage>((context) => {
    const { system } = context;
    const { clock } = system.runtime;
    let ended = endedAt.get(system);
    if (ended === undefined) endedAt.set(system, ended = new EndedLimiters(longestMemory));
    const { keeper, entity } = keptEntity(context);
    const owned = entity && keeper?.ownedSince?.(entity);
    const endedAtNode = ended.endOf(key);
    const since = Math.max(owned ?? clock.now(), endedAtNode);
    // An earlier incarnation at this node, under the same grant, is a predecessor that tells nothing.
    const previous = entity && owned !== undefined && endedAtNode < owned
      ? keeper?.previousEpochOf?.(entity) ?? 0
      : 0;
    const limiter = new Limiter(since, previous > 0);
    const telemetry = DeliveryTelemetry.of(system);
    const { path } = context.self;
    const decided = (outcome: string) => telemetry?.decided(path, outcome);
    return Behaviors.receive<LimiterMessage>((_context, message) => {
      if (!isLimiterMessage(message)) return Behaviors.unhandled();
      if (message.type !== "limitHandOver") handle(limiter, message, clock.now(), decided);
      else if (previous > 0 && message.epoch === previous) {
        limiter.inherit(message.state, clock.now());
      }
      return Behaviors.same();
    }, (_context, { type }) => {
      if (type !== "postStop" && type !== "preRestart") return Behaviors.same();
      const now = clock.now();
      ended.add(key, now);
      if (type === "postStop" && entity && keeper?.sendAhead) {
        const state = limiter.state(now);
        const { epoch } = context;
        if (state) keeper.sendAhead(entity, { type: "limitHandOver", epoch, state });
      }
      return Behaviors.same();
    });
  });
}

function handle(
  limiter: Limiter,
  message: Exclude<LimiterMessage, LimitHandOver>,
  now: number,
  decided: (outcome: string) => void,
): void {
  const { id } = message;
  switch (message.type) {
    case "limitAcquire": {
      const decision = limiter.acquire(id, message, now);
      decided(decision.type === "granted" ? "granted" : decision.reason);
      if (decision.type === "granted") return message.replyTo.tell({ type: "limitGranted" });
      const { reason, retryAfter } = decision;
      return message.replyTo.tell({ type: "limitRefused", reason, retryAfter });
    }
    case "limitStarted":
      return limiter.started(id, now);
    case "limitRenew":
      return message.replyTo.tell({
        type: limiter.renew(id, now) ? "limitRenewed" : "limitLost",
      });
    case "limitEnd":
      return limiter.end(id, message.used, now);
  }
}

/** The entity that an actor is, and what keeps it. */
function keptEntity({ self }: ActorContext<LimiterMessage>): {
  readonly keeper?: EntityKeeper | undefined;
  readonly entity?: LocalRef<unknown>;
} {
  if (!(self instanceof LocalRef)) return {};
  const entity = self as LocalRef<unknown>;
  return { entity, keeper: (entity.parent as LocalRef<unknown> | undefined)?.entities };
}
