import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ConfigSource } from "../../lib/config/config_source.ts";
import { parseText } from "../../lib/config/environment.ts";
import { ConfigError } from "../../lib/config/errors.ts";
import { type CastyConfig, loadConfig } from "../../lib/config/load_config.ts";
import { originText } from "../../lib/config/setting.ts";
import { configKeys, environmentName } from "../../lib/options/config_keys.ts";
import { list, text, whole } from "../../lib/options/option.ts";
import { optionChapters } from "../../lib/options/option_tables.ts";

/** Files and variables in memory. */
function source(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
  folder = "/app/shop",
): ConfigSource {
  return {
    folder: () => folder,
    readFile: (path) => Promise.resolve(files[path]),
    env: (name) => env[name],
    envNames: () => Object.keys(env),
  };
}

const load = (
  toml: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CastyConfig> => loadConfig(source({ "/app/shop/casty.toml": toml }, env));

/** What is wrong with a configuration: places and problems. */
async function problemsOf(
  toml: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const error = await assertRejects(() => load(toml, env), ConfigError);
  assertEquals(error.code, "badConfig", error.message);
  return error.problems.map(({ where, problem }) =>
    `${where.replace("/app/shop/casty.toml:", "")} ${problem}`
  );
}

const full = `
[system]
name = "shop"
maxTasks = 5
[mailbox]
capacity = 100
overflow = "reject"
[supervision]
maxRestarts = 5
within = 1000
backoff = { min = 10, max = 100 }
[cluster]
host = "node-1"
port = 25520
seedNodes = ["node-1:25520", "[::1]:25521"]
roles = ["web", "eu"]
requiredQuorum = 3
clusterConfig = { mode = "a" }
[membership]
gossipInterval = 500
weaklyUpAfter = inf
[transport]
maxFrame = 65536
[tls]
certFile = "node.crt"
caFile = "/etc/ca.crt"
[downing]
strategy = "staticQuorum"
staticQuorum.size = 3
[sharding]
numShards = 20
passivation = { idle = 1000 }
replication.replicas = 1
[client]
contactPoints = ["node-1:25520"]
systemName = "shop"
`;

Deno.test("a full file becomes the sections of options", async () => {
  const config = await load(full);
  assertEquals(config.file, "/app/shop/casty.toml");
  assertEquals(config.section("system"), { name: "shop", maxTasks: 5 });
  assertEquals(config.section("mailbox"), { capacity: 100, overflow: "reject" });
  assertEquals(config.section("supervision"), {
    maxRestarts: 5,
    within: 1_000,
    backoff: { min: 10, max: 100 },
  });
  assertEquals(config.section("cluster"), {
    host: "node-1",
    port: 25_520,
    seedNodes: ["node-1:25520", "[::1]:25521"],
    roles: ["web", "eu"],
    requiredQuorum: 3,
    clusterConfig: { mode: "a" },
  });
  assertEquals(config.section("membership").weaklyUpAfter, Infinity);
  assertEquals(config.section("downing"), { strategy: "staticQuorum", staticQuorum: { size: 3 } });
  assertEquals(config.section("sharding"), {
    numShards: 20,
    passivation: { idle: 1_000 },
    replication: { replicas: 1 },
  });
  assertEquals(originText(config.originOf("cluster.port")), "/app/shop/casty.toml:14:8");
  assertEquals(originText(config.originOf("cluster.nodeId")), "default");
});

Deno.test("an empty file sets nothing, and no file is none", async () => {
  assertEquals((await load("")).settings, []);
  const none = await loadConfig(source({}));
  assertEquals([none.file, none.settings, none.actors], [undefined, [], []]);
});

Deno.test("a file is found in the folder, by the environment or by its name, and not above the folder", async () => {
  const name = `[system]\nname = "found"`;
  const fileOf = async (
    files: readonly string[],
    env: Readonly<Record<string, string>> = {},
    path?: string,
  ) => {
    const texts = Object.fromEntries(files.map((file) => [file, name]));
    return (await loadConfig(source(texts, env), path)).file;
  };
  assertEquals(await fileOf(["/app/shop/casty.toml", "/app/casty.toml"]), "/app/shop/casty.toml");
  assertEquals(await fileOf(["/app/casty.toml", "/casty.toml"]), undefined);
  assertEquals(await fileOf(["/other/casty.toml"]), undefined);
  const both = ["/app/shop/casty.toml", "/etc/a.toml", "/app/shop/b.toml"];
  assertEquals(await fileOf(both, { CASTY_CONFIG: "/etc/a.toml" }), "/etc/a.toml");
  assertEquals(await fileOf(both, { CASTY_CONFIG: "/etc/a.toml" }, "b.toml"), "/app/shop/b.toml");
  const error = await assertRejects(
    () => loadConfig(source({}), "missing.toml"),
    ConfigError,
    "there is no file /app/shop/missing.toml",
  );
  assertEquals(error.code, "noConfigFile");
});

Deno.test("a file that cannot be read says why", async () => {
  const denied: ConfigSource = {
    ...source({}),
    readFile: () => Promise.reject(new Error("permission denied")),
  };
  const error = await assertRejects(() => loadConfig(denied), ConfigError, "permission denied");
  assertEquals(error.code, "unreadableConfig");
});

Deno.test("a file that is no TOML names line and column, and not its content", async () => {
  const error = await assertRejects(
    () => load(`[cluster]\nhost = "a"\npassword = hunter2`),
    ConfigError,
    "/app/shop/casty.toml:3:12: ",
  );
  assertEquals(error.code, "badToml");
  assert(!error.message.includes("hunter2"));
  assert(error.message.endsWith("; correct it there; texts need quotes"), error.message);
});

Deno.test("only a value that is no TOML is told that texts need quotes", async () => {
  const texts = [`[cluster\n`, `[cluster]\nhost = "a"\nhost = "b"`];
  for (const text of texts) {
    const { message } = await assertRejects(() => load(text), ConfigError);
    assert(message.endsWith("; correct it there"), message);
  }
});

Deno.test("unknown keys and bad values are named all at once, with line and column", async () => {
  assertEquals(
    await problemsOf(`[cluster]
prot = 25520
port = "25520"
roles = ["a", 5]
"host.name" = "x"
maxTasks = 5
downing = "x"
[clutser]
host = "a"
[sharding]
passivation = { idel = 3 }
mailbox.overflow = "drop"
[mailbox]
capacity = 0
[transport]
maxFrame = 1979-05-27
`),
    [
      "2:1 there is no option cluster.prot; did you mean cluster.port?",
      '3:8 cluster.port: "25520" is not allowed; use a whole number from 0 to 65535',
      "4:15 cluster.roles[1]: 5 is not allowed; use a text of 1 to 255 characters",
      '5:1 there is no option cluster."host.name"',
      "6:1 there is no option cluster.maxTasks; did you mean system.maxTasks?",
      "7:1 cluster.downing can only be passed in code",
      "8:2 there is no option clutser; did you mean cluster?",
      "11:17 unknown option sharding.passivation.idel; did you mean sharding.passivation.idle?",
      '12:20 sharding.mailbox.overflow: "drop" is not allowed; use "dropNew", "dropOldest" or "reject"',
      "14:12 mailbox.capacity: 0 is not allowed; use a whole number from 1 to 536870911",
      "16:12 transport.maxFrame: an object without options is not allowed; use a whole number of " +
      "bytes from 1 to 1073741824",
    ],
  );
});

Deno.test("a value at an unknown key is never shown", async () => {
  const [problem] = await problemsOf(`[tls]\nkeyPassphrase = "hunter2"`);
  assert(problem !== undefined && !problem.includes("hunter2"), problem);
});

Deno.test("a table of options that lacks one is refused where it stands", async () => {
  assertEquals(await problemsOf(`[supervision.backoff]\nmin = 5`), [
    "2:7 backoff of Behaviors.supervise needs the option supervision.backoff.max; use a number of " +
    "milliseconds from 1 to 1073741823.5",
  ]);
  assertEquals(await problemsOf(`cluster.seedNodes = { dns = "nodes.shop" }`), [
    '1:21 seedNodes needs the option cluster.seedNodes.type; use "A", "AAAA" or "SRV"',
  ]);
});

Deno.test("the environment overrides the file, also a table as a whole or in part", async () => {
  const config = await load(full, {
    CASTY_CLUSTER_PORT: "1234",
    CASTY_CLUSTER_ROLES: "a, b",
    CASTY_CLUSTER_SEED_NODES: "node-9:25520",
    CASTY_CLUSTER_CLUSTER_CONFIG: "mode=b,limit=1=2",
    CASTY_CLUSTER_STALL_DETECTION: "false",
    CASTY_MEMBERSHIP_WEAKLY_UP_AFTER: "Infinity",
    CASTY_TRANSPORT_MAX_FRAME: "131_072",
    CASTY_SHARDING_PASSIVATION: "false",
    CASTY_MAILBOX_OVERFLOW: "dropOldest",
    CASTY_CLUSTER_ZONE: "",
    CASTY_NODE: "not an option",
  });
  const { host, port, roles, seedNodes, clusterConfig, stallDetection, zone } = config.section(
    "cluster",
  );
  assertEquals([host, port, roles, seedNodes], ["node-1", 1234, ["a", "b"], ["node-9:25520"]]);
  assertEquals([clusterConfig, stallDetection], [{ mode: "b", limit: "1=2" }, false]);
  assertEquals(zone, undefined);
  assertEquals(config.section("transport").maxFrame, 131_072);
  assertEquals(config.section("sharding").passivation, false);
  assertEquals(config.section("mailbox"), { capacity: 100, overflow: "dropOldest" });
  assertEquals(originText(config.originOf("cluster.port")), "CASTY_CLUSTER_PORT");
  const part = await load(`sharding.passivation = false`, { CASTY_SHARDING_PASSIVATION_IDLE: "5" });
  assertEquals(part.section("sharding"), { passivation: { idle: 5 } });
  const dns = await load(full, {
    CASTY_CLUSTER_SEED_NODES_DNS: "nodes.shop",
    CASTY_CLUSTER_SEED_NODES_TYPE: "SRV",
  });
  assertEquals(dns.section("cluster").seedNodes, { dns: "nodes.shop", type: "SRV" });
});

Deno.test("bad and unknown variables are named", async () => {
  assertEquals(
    await problemsOf("", {
      CASTY_CLUSTER_PORT: "http",
      CASTY_CLUSTER_PROT: "1",
      CASTY_MAILBOX_OVERFLOW: "drop",
      CASTY_CLUSTER_STALL_DETECTION: "yes",
      CASTY_CLUSTER_SEED_NODES: "node-1",
    }),
    [
      'CASTY_MAILBOX_OVERFLOW CASTY_MAILBOX_OVERFLOW: "drop" is not allowed; use "dropNew", ' +
      '"dropOldest" or "reject"',
      'CASTY_CLUSTER_PORT CASTY_CLUSTER_PORT: "http" is not allowed; use a whole number from 0 to 65535',
      'CASTY_CLUSTER_SEED_NODES CASTY_CLUSTER_SEED_NODES: "node-1" is not allowed; use a list of an ' +
      'address, "host:port" or "[ipv6]:port", with a port from 1 to 65535 or an object with dns, ' +
      "type, port",
      'CASTY_CLUSTER_STALL_DETECTION CASTY_CLUSTER_STALL_DETECTION: "yes" is not allowed; use true or false',
      "CASTY_CLUSTER_PROT there is no such option; did you mean CASTY_CLUSTER_PORT?",
    ],
  );
});

Deno.test("texts are read by the type of their option", () => {
  assertEquals(parseText(whole(0, 10), "7"), 7);
  for (const bad of ["", "7.5", "0x7", "11", "7a", "Infinity"]) {
    assertEquals(parseText(whole(0, 10), bad), undefined, bad);
  }
  assertEquals(parseText(list(text(1, 9)), " a ,b"), ["a", "b"]);
  assertEquals(parseText(list(text(1, 9)), "a,,b"), undefined);
});

Deno.test("each key has a variable of its own", () => {
  const names = configKeys(optionChapters).map(({ key }) => environmentName(key));
  assertEquals(new Set(names).size, names.length);
  assert(names.includes("CASTY_CLUSTER_SEED_NODES") && names.includes("CASTY_TLS_CERT_FILE"));
  assert(names.every((name) => /^CASTY_[A-Z0-9_]+$/.test(name)));
});

const actors = `
[mailbox]
capacity = 100
[sharding]
numShards = 20
mailbox = { capacity = 7 }
replication = { replicas = 3, ackTimeout = 9 }
[actors."orders"]
mailbox = { overflow = "reject" }
supervision = { maxRestarts = 9 }
sharding = { passivation = { idle = 5 } }
[actors."order.*"]
mailbox = { capacity = 1 }
[actors]
"cart|basket" = { replication = { minAcks = 2 } }
`;

Deno.test("names and patterns match whole names, the first one wins, and fields are merged", async () => {
  const config = await load(actors);
  assertEquals(config.ofActor("orders"), {
    mailbox: { capacity: 100, overflow: "reject" },
    supervision: { maxRestarts: 9 },
  });
  assertEquals(config.ofActor("orders-2"), { mailbox: { capacity: 1 } });
  assertEquals(config.ofActor("my-orders"), { mailbox: { capacity: 100 } });
  assertEquals(config.ofActor("_internal"), {});
  assertEquals(config.ofType("orders", false), {
    sharding: {
      numShards: 20,
      mailbox: { capacity: 7, overflow: "reject" },
      passivation: { idle: 5 },
    },
    supervision: { maxRestarts: 9 },
  });
  for (const name of ["cart", "basket"]) {
    assertEquals(config.ofType(name, false).sharding?.replication, {
      replicas: 3,
      ackTimeout: 9,
      minAcks: 2,
    });
  }
  assertEquals(config.ofType("carts", false).sharding?.replication, undefined);
  assertEquals(config.ofType("carts", true).sharding?.replication, { replicas: 3, ackTimeout: 9 });
});

Deno.test("wrong overrides are named with line and column", async () => {
  assertEquals(
    await problemsOf(`[actors."orders"]
mailbox = { capacity = 0 }
mailbx = {}
[actors."(a"]
mailbox = { capacity = 1 }
[actors]
carts = 5
"a.b" = { sharding = { passivation = { idel = 1 } } }
`),
    [
      "2:24 actors.orders: mailbox.capacity: 0 is not allowed; use a whole number from 1 to 536870911",
      "3:1 actors.orders: there is no mailbx; did you mean mailbox?",
      '4:9 actors."(a": it is no name and no regular expression: Invalid regular expression: ' +
      "/^(?:(a)$/u: Unterminated group",
      "7:9 actors.carts: use a table with mailbox, supervision, sharding, replication",
      '8:40 actors."a.b": unknown option sharding.passivation.idel; did you mean ' +
      "sharding.passivation.idle?",
    ],
  );
});

Deno.test("[actors] that is no table is refused", async () => {
  assertStringIncludes((await problemsOf(`actors = 5`))[0]!, "1:10 actors: use a table");
});
