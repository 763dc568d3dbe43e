import { assert, assertEquals } from "@std/assert";
import { configKeys } from "../../lib/options/config_keys.ts";
import { optionChapters } from "../../lib/options/option_tables.ts";
import type { OptionType } from "../../lib/options/option.ts";

const keys = configKeys(optionChapters);
const names = keys.map(({ key }) => key);

Deno.test("each key of a file names one option", () => {
  assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
  assertEquals([...new Set(names.map((name) => name.split(".")[0]))], [
    "system",
    "spawn",
    "mailbox",
    "supervision",
    "cluster",
    "membership",
    "transport",
    "downing",
    "tls",
    "sharding",
    "client",
  ]);
});

Deno.test("keys of groups without a section are below the option that takes them", () => {
  for (
    const name of [
      "cluster.requiredQuorum",
      "cluster.seedNodes",
      "cluster.seedNodes.dns",
      "membership.heartbeatInterval",
      "transport.maxFrame",
      "tls.certFile",
      "tls.identity.node",
      "sharding.passivation.idle",
      "sharding.buffer.maxBuffered",
      "sharding.rememberEntities",
      "client.contactPoints",
      "client.buffer.maxBuffered",
      "client.maxPendingAsks",
      "client.addressMap",
      "supervision.backoff.min",
      "mailbox.capacity",
      "spawn.stashCapacity",
      "downing.staticQuorum.size",
    ]
  ) assert(names.includes(name), name);
});

Deno.test("no key is for what only code can be, and none is for a group", () => {
  for (const name of ["tls.authorize", "cluster.runtime", "cluster.tls", "cluster.membership"]) {
    assert(!names.includes(name), name);
  }
  // Those of actor systems are in their section.
  assert(names.includes("system.maxTasks") && !names.includes("cluster.maxTasks"));
  const isData = (type: OptionType): boolean =>
    type.kind === "either" ? type.of.some(isData) : type.kind !== "code" && type.kind !== "group";
  for (const { key, option } of keys) assert(isData(option.type), key);
});
