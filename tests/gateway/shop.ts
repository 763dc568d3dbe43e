/** A node with counters and a topic of their totals, and the API by which a gateway offers them. */
import type { ActorRef, Behavior, MessageSchema, StatusReply } from "../../mod.ts";
import {
  Behaviors,
  ClusteredActorSystem,
  entityType,
  StatusReply as Status,
  Topic,
} from "../../mod.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { gateway, gatewayHandler, type GatewayOptions } from "../../gateway.ts";
import type { GatewayHost } from "../../gateway.ts";

export type CounterMessage =
  | { type: "add"; amount: number; replyTo: ActorRef<number> }
  | { type: "get"; replyTo: ActorRef<number> }
  | { type: "take"; amount: number; replyTo: ActorRef<StatusReply<number>> }
  | { type: "fail"; replyTo: ActorRef<number> }
  | { type: "silent"; replyTo: ActorRef<number> }
  | { type: "odd"; replyTo: ActorRef<bigint> }
  | { type: "who"; name: string; replyTo: ActorRef<string> }
  | { type: "reset" };

export type Total = { readonly counter: string; readonly total: number };

export const Counters = entityType<CounterMessage>("counters", { numShards: 20 });
export const Totals = Topic<Total>("totals", { retain: 1 });

/** A schema of Standard Schema, without a library. */
export function schema<T>(
  what: string,
  test: (value: unknown) => value is T,
): MessageSchema<T> & { "~standard": { types?: { input: T; output: T } } } {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => test(value) ? { value } : { issues: [{ message: `not ${what}` }] },
    },
  };
}

const isAmount = (value: unknown): value is { amount: number } =>
  typeof value === "object" && value !== null && "amount" in value &&
  Number.isInteger(value.amount);
const isTotal = (value: unknown): value is Total =>
  typeof value === "object" && value !== null && "counter" in value && "total" in value;

export const api = gateway.api({
  counters: gateway.entity(Counters, ({ ask, tell }) => ({
    add: ask({
      input: schema("an amount", isAmount),
      message: (replyTo, { amount }) => ({ type: "add", amount, replyTo }),
    }),
    get: ask({ idempotent: true, message: (replyTo) => ({ type: "get", replyTo }) }),
    take: ask({
      input: schema("an amount", isAmount),
      message: (replyTo, { amount }) => ({ type: "take", amount, replyTo }),
    }),
    fail: ask({ message: (replyTo) => ({ type: "fail", replyTo }) }),
    silent: ask({ message: (replyTo) => ({ type: "silent", replyTo }) }),
    odd: ask({ message: (replyTo) => ({ type: "odd", replyTo }) }),
    who: ask({ message: (replyTo, _input, { id }) => ({ type: "who", name: id, replyTo }) }),
    reset: tell({ message: () => ({ type: "reset" }) }),
  })),
  totals: gateway.topic(Totals, { publish: schema("a total", isTotal) }),
});

export type Api = typeof api;

const counter = (
  id: string,
  publish: (total: Total) => void,
  count: number,
): Behavior<CounterMessage> =>
  Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "add": {
        const total = count + message.amount;
        message.replyTo.tell(total);
        publish({ counter: id, total });
        return counter(id, publish, total);
      }
      case "get":
        message.replyTo.tell(count);
        return Behaviors.same();
      case "take":
        if (message.amount > count) {
          message.replyTo.tell(Status.error({ message: "not enough", code: "short" }));
          return Behaviors.same();
        }
        message.replyTo.tell(Status.success(count - message.amount));
        return counter(id, publish, count - message.amount);
      case "fail":
        throw new Error("a secret of the server");
      case "silent":
        return Behaviors.same();
      case "odd":
        message.replyTo.tell(1n);
        return Behaviors.same();
      case "who":
        message.replyTo.tell(message.name);
        return Behaviors.same();
      case "reset":
        return counter(id, publish, 0);
    }
  });

/** A node that runs the counters. */
export async function startNode(
  options: Partial<Parameters<typeof ClusteredActorSystem.start>[0]> = {},
): Promise<ClusteredActorSystem> {
  const system = await ClusteredActorSystem.start({
    name: "shop",
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
    ...options,
  });
  const totals = system.topic(Totals);
  system.spawn(
    Behaviors.sharded(Counters, (id) => counter(id, (total) => totals.publish(total), 0)),
  );
  return system;
}

/** A gateway of a node or client on a port of its own; the token of a client is its principal. */
export function serveGateway(host: GatewayHost, options: Partial<GatewayOptions> = {}, port = 0) {
  const handler = gatewayHandler(host, api, {
    authenticate: (_request, token) => token === undefined ? undefined : { id: token },
    ...options,
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}/gateway`;
  return {
    handler,
    url,
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      handler.close();
      await server.shutdown();
    },
  };
}
