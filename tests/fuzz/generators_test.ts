/** Generators make messages that get past the checks of their form: others test nothing behind these. */
import { assert } from "@std/assert";
import { parseAdminAnswer, parseAdminRequest } from "../../lib/admin/admin_protocol.ts";
import { isConsumerMessage, isProducerMessage } from "../../lib/delivery/message_check.ts";
import { isLimiterMessage } from "../../lib/delivery/rate_limit/protocol.ts";
import { kindOf } from "../../lib/distributed/structure_kind.ts";
import { isOperation } from "../../lib/distributed/structure_protocol.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { parseTopicAnswer, parseTopicRequest } from "../../lib/topics/client_protocol.ts";
import { parseInterest } from "../../lib/topics/interest_protocol.ts";
import { parsePublished } from "../../lib/topics/published_message.ts";
import { Draws } from "./draws.ts";
import { generators } from "./generators.ts";

const entityMessage = (value: unknown) => (value as [string, never, number])[1];

/** What refuses messages that have not the form of their section. */
const checks: Readonly<Record<string, (message: unknown) => boolean>> = {
  "Topics/topics": (value) => parseInterest(value) !== undefined,
  "Topics/sync": (value) => parseInterest(value) !== undefined,
  "Topics/messages": (value) => parsePublished(value) !== undefined,
  "Topics/subscribe": (value) => parseTopicRequest(value) !== undefined,
  "Topics/renew": (value) => parseTopicRequest(value) !== undefined,
  "Topics/publish": (value) => parseTopicRequest(value) !== undefined,
  "Topics/resend": (value) => parseTopicAnswer(value) !== undefined,
  "Topics/refused": (value) => parseTopicAnswer(value) !== undefined,
  "Topics/unpublished": (value) => parseTopicAnswer(value) !== undefined,
  "Requests of admins/status": (value) => parseAdminRequest(value) !== undefined,
  "Requests of admins/members": (value) => parseAdminRequest(value) !== undefined,
  "Requests of admins/shards": (value) => parseAdminRequest(value) !== undefined,
  "Requests of admins/explain": (value) => parseAdminRequest(value) !== undefined,
  "Requests of admins/top": (value) => parseAdminRequest(value) !== undefined,
  "Requests of admins/down": (value) => parseAdminRequest(value) !== undefined,
  "Requests of admins/leave": (value) => parseAdminRequest(value) !== undefined,
  "Requests of admins/report": (value) => parseAdminAnswer(value) !== undefined,
  "Requests of admins/adminRefused": (value) => parseAdminAnswer(value) !== undefined,
  "Distributed structures/operation": (value) => {
    const [id, { operation }] = value as [string, { operation: unknown }];
    return isOperation(kindOf(id)!, operation);
  },
  "Reliable delivery/deliveryOpen": (value) => isConsumerMessage(value as never),
  "Reliable delivery/deliveryMessage": (value) => isConsumerMessage(value as never),
  "Reliable delivery/deliveryClose": (value) => isConsumerMessage(value as never),
  "Reliable delivery/deliveryDemand": (value) => isProducerMessage(value as never),
  "Reliable delivery/deliveryUnknown": (value) => isProducerMessage(value as never),
  "Reliable delivery/deliveryFailed": (value) => isProducerMessage(value as never),
  "Reliable delivery/deliver": (value) => isProducerMessage(value as never),
  "Reliable delivery/setConsumer": (value) => isProducerMessage(value as never),
  "Limits of rate and concurrency/limitAcquire": (value) => isLimiterMessage(entityMessage(value)),
  "Limits of rate and concurrency/limitStarted": (value) => isLimiterMessage(entityMessage(value)),
  "Limits of rate and concurrency/limitRenew": (value) => isLimiterMessage(entityMessage(value)),
  "Limits of rate and concurrency/limitEnd": (value) => isLimiterMessage(entityMessage(value)),
  "Limits of rate and concurrency/limitHandOver": (value) => isLimiterMessage(entityMessage(value)),
};

for (const [kind, isValid] of Object.entries(checks)) {
  Deno.test(`the generator of ${kind} makes messages of that form`, () => {
    const draws = new Draws(new SeededRandom(kind), {
      clusterId: "node-1:1#1",
      incarnations: new Map([["node-1:1", 1], ["bad:1", 2]]),
      self: "bad:1",
      types: new Map([["counters", 12]]),
      paths: ["/service"],
      clients: ["client:x"],
      numbers: new Map(),
    });
    const made = Array.from({ length: 200 }, () => generators[kind]!.make(draws));
    const valid = made.filter(isValid).length;
    assert(valid > 60, `${valid} of 200 are valid`);
  });
}
