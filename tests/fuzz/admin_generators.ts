import {
  type AdminAnswer,
  adminAnswerPath,
  adminPath,
  type AdminRequest,
} from "../../lib/admin/admin_protocol.ts";
import { atPath, type Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";

const section = "Requests of admins";

/** The message of one type, without the type. */
type Fields<M, T> = Omit<Extract<M, { readonly type: T }>, "type">;

const topics = ["joining", "sharding", "certificates", "shard counters/3", "entity counters/a"];

/** What bad peers ask of nodes as if they were admins, and answers that nobody has asked for. */
export const administration: Generators = {
  ...atPath(section, adminPath, {
    status: (d): Fields<AdminRequest, "status"> => ({ request: d.count(1) }),
    members: (d): Fields<AdminRequest, "members"> => ({ request: d.count(1), from: d.count(0) }),
    shards: (d): Fields<AdminRequest, "shards"> => ({
      request: d.count(1),
      shardType: d.one(["", "counters", d.text()]),
      from: d.count(0),
    }),
    explain: (d): Fields<AdminRequest, "explain"> => ({ request: d.count(1), topic: topic(d) }),
    top: (d): Fields<AdminRequest, "top"> => ({ request: d.count(1), limit: d.count(20) }),
    down: (d): Fields<AdminRequest, "down"> => ({
      request: d.count(1),
      address: d.chance(0.8) ? d.one(d.members) : d.text(),
      force: d.chance(0.7),
    }),
    leave: (d): Fields<AdminRequest, "leave"> => ({ request: d.count(1) }),
  }),
  ...atPath(section, adminAnswerPath, {
    report: (d): Fields<AdminAnswer, "report"> => ({ request: d.count(1), value: d.value() }),
    adminRefused: (d): Fields<AdminAnswer, "adminRefused"> => ({
      request: d.count(1),
      code: d.one(["notAdmin", d.text()]),
      reason: d.text(),
      remedy: d.text(),
    }),
  }),
};

function topic(d: Draws): string {
  if (d.chance(0.6)) return d.one(topics);
  return d.one([`member ${d.one(d.members)}`, `ask ${d.text()}/${d.text()}`, d.text()]);
}
