/** Nodes that start from a configuration, and what it sets for their actors. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type ActorRef,
  ActorSystem,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  ConfigError,
  entityType,
  OptionError,
  type ShardEnvelope,
  shardEnvelope,
  silentLogger,
} from "@casty/casty";
import { testCa } from "@casty/casty/cert";
import { ClusterClient } from "@casty/casty/client";
import { memoryJournal } from "@casty/casty/persistence";
import type { ConfigSource } from "../../lib/config/config_source.ts";
import { recordedLog } from "../actor/recorded_log.ts";

const given = { host: "127.0.0.1", port: 0, logger: silentLogger } as const;

/** A configuration in memory. */
function sourceOf(toml: string, env: Readonly<Record<string, string>> = {}): ConfigSource {
  return {
    folder: () => "/app",
    readFile: (path) => Promise.resolve(path === "/app/casty.toml" ? toml : undefined),
    env: (name) => env[name],
    envNames: () => Object.keys(env),
  };
}

/** A node with a configuration in memory. */
function start(
  toml: string,
  options: NonNullable<Parameters<typeof ClusteredActorSystem.fromConfig>[0]>,
  env: Readonly<Record<string, string>> = {},
): Promise<ClusteredActorSystem> {
  return ClusteredActorSystem.fromConfig(options, { source: sourceOf(toml, env) });
}

Deno.test("arguments override the environment, which overrides the file", async () => {
  const toml = `
[system]
name = "shop"
[cluster]
nodeId = "file"
host = "127.0.0.1"
port = 1
roles = ["file"]
zone = "file"
requiredQuorum = 5
[transport]
maxFrame = 1000
maxMessage = 2000
`;
  const env = {
    CASTY_CLUSTER_PORT: "0",
    CASTY_CLUSTER_NODE_ID: "environment",
    CASTY_CLUSTER_ROLES: "environment",
  };
  const options = { roles: ["argument"], requiredQuorum: 1, logger: silentLogger };
  await using node = await start(toml, options, env);
  assertEquals([node.name, node.nodeId], ["shop", "environment"]);
  const [member] = node.members;
  assertEquals([member?.roles, member?.zone], [["argument"], "file"]);
  assert(!node.address.endsWith(":1"));
});

Deno.test("what is missing is named with the ways to set it", async () => {
  const error = await assertRejects(
    () => start(`[cluster]\nname = "shop"\nhost = "h"`, { logger: silentLogger }),
    ConfigError,
    "a node needs cluster.port: /app/casty.toml does not set it",
  );
  assertEquals(error.code, "missingConfig");
  assertStringIncludes(error.message, "CASTY_CLUSTER_PORT");
  await assertRejects(() => start("", { port: 0 }), ConfigError, "cluster.name");
});

Deno.test("arguments are checked as those of start", async () => {
  await assertRejects(
    () => start("", { ...given, name: "a", prot: 1 } as object),
    OptionError,
    "port",
  );
  await assertRejects(
    () => ClusteredActorSystem.fromConfig({}, { file: 5 } as object),
    OptionError,
    "file",
  );
});

Deno.test("certificates are read beside the file that names them", async () => {
  const ca = await testCa();
  await using files = await (await ca.issueNode()).files();
  const config = `${files.directory}/casty.toml`;
  await Deno.writeTextFile(
    config,
    `
[tls]
certFile = "node.crt"
keyFile = "node.key"
caFile = "ca.crt"
`,
  );
  await using node = await ClusteredActorSystem.fromConfig({ ...given, name: "shop" }, {
    file: config,
  });
  assertStringIncludes(node.explain("certificates").summary, "the certificate of node localhost");
});

type Message =
  | { readonly type: "fail" }
  | { readonly type: "wait"; readonly until: Promise<void> }
  | { readonly type: "count"; readonly replyTo: ActorRef<number> };

/** Counts its messages; a new incarnation begins at 0. */
const counting = (): Behavior<Message> =>
  Behaviors.setup(() => {
    let count = 0;
    return Behaviors.receive((_context, message) => {
      if (message.type === "fail") throw new Error("on purpose");
      if (message.type === "wait") return message.until.then(() => Behaviors.same());
      message.replyTo.tell(++count);
      return Behaviors.same();
    });
  });

Deno.test("mailboxes of actors are bounded by name, and by what the program passes", async () => {
  await using node = await start(
    `
[mailbox]
capacity = 3
[actors.small]
mailbox = { capacity = 1 }
[actors."free-.*"]
mailbox = { capacity = 1000 }
`,
    { ...given, name: "shop" },
  );
  const lost = new Map<string, number>();
  node.eventStream.subscribe("deadLetter", ({ target, reason }) => {
    const name = `${target.split("/").at(-1)} ${reason}`;
    lost.set(name, (lost.get(name) ?? 0) + 1);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const send = (name: string, capacity?: number) => {
    const options = capacity === undefined ? {} : { mailbox: { capacity } };
    const actor = node.spawn(counting(), name, options);
    for (let index = 0; index < 11; index++) actor.tell({ type: "wait", until: promise });
  };
  send("small");
  send("other");
  send("free-1");
  send("small-too", 8);
  resolve();
  await node.ask(node.spawn(counting(), "last"), (replyTo) => ({ type: "count", replyTo }));
  assertEquals(Object.fromEntries(lost), {
    "small mailboxFull": 10,
    "other mailboxFull": 8,
    "small-too mailboxFull": 3,
  });
});

Deno.test("actors are supervised by name, and their own strategies decide first", async () => {
  await using node = await start(
    `
[actors."kept.*"]
supervision = { maxRestarts = 2 }
`,
    { ...given, name: "shop" },
  );
  const isAlive = async (name: string, behavior: Behavior<Message>, failures: number) => {
    const actor = node.spawn(behavior, name);
    for (let index = 0; index < failures; index++) actor.tell({ type: "fail" });
    return await node.ask(actor, (replyTo) => ({ type: "count", replyTo }))
      .then(() => true, () => false);
  };
  assertEquals(await isAlive("plain", counting(), 1), false);
  assertEquals(await isAlive("kept-1", counting(), 2), true);
  assertEquals(await isAlive("kept-2", counting(), 3), false);
  const own = Behaviors.supervise(counting(), { directive: "stop" });
  assertEquals(await isAlive("kept-3", own, 1), false);
  const generous = Behaviors.supervise(counting(), { maxRestarts: 5 });
  assertEquals(await isAlive("kept-4", generous, 5), true);
});

Deno.test("sharded types get shards, mailboxes and supervision by name", async () => {
  await using node = await start(
    `
[sharding]
numShards = 12
[actors.carts]
sharding = { numShards = 7, passivation = false }
mailbox = { capacity = 2 }
supervision = { maxRestarts = 1 }
`,
    { ...given, name: "shop" },
  );
  const numShards = (name: string) => node.sharding.shardTable(name).length;
  const carts = node.spawn(Behaviors.sharded(counting), "carts");
  node.spawn(Behaviors.sharded(counting), "orders");
  node.spawn(Behaviors.sharded(counting, { numShards: 5 }), "explicit");
  node.spawn(Behaviors.sharded(entityType<Message>("shared", { numShards: 6 }), counting));
  node.regionRef<Message>("regions", counting);
  assertEquals(["carts", "orders", "explicit", "shared", "regions"].map(numShards), [
    7,
    12,
    5,
    6,
    12,
  ]);
  const alice = carts.entity("alice");
  assertEquals(await alice.ask((replyTo) => ({ type: "count", replyTo })), 1);
  alice.tell({ type: "fail" });
  // It has restarted at once: its mailbox was kept.
  assertEquals(await alice.ask((replyTo) => ({ type: "count", replyTo })), 1);
  const { promise, resolve } = Promise.withResolvers<void>();
  let full = 0;
  node.eventStream.subscribe(
    "deadLetter",
    ({ reason }) => full += reason === "mailboxFull" ? 1 : 0,
  );
  for (let index = 0; index < 5; index++) alice.tell({ type: "wait", until: promise });
  await node.ask(node.spawn(counting(), "last"), (replyTo) => ({ type: "count", replyTo }));
  assert(full >= 2, `${full}`);
  resolve();
});

Deno.test("types are replicated by name", async () => {
  await using node = await start(
    `
[sharding]
replication = { ackTimeout = 77 }
[actors."copied"]
replication = { replicas = 1 }
`,
    { ...given, name: "shop" },
  );
  node.spawn(Behaviors.sharded(counting, { numShards: 3 }), "copied");
  node.spawn(Behaviors.sharded(counting, { numShards: 3 }), "single");
  const lines = node.explain("replication").facts.join("\n");
  assertStringIncludes(lines, '"copied"');
  assert(!lines.includes('"single"'), lines);
});

Deno.test("a replication that cannot be is refused with the reason", async () => {
  await using node = await start(
    `[actors.copied]\nreplication = { replicas = 1, minAcks = 2 }`,
    { ...given, name: "shop" },
  );
  try {
    node.spawn(Behaviors.sharded(() => counting(), { numShards: 3 }), "copied");
    throw new Error("not refused");
  } catch (error) {
    assert(error instanceof OptionError, String(error));
    assertStringIncludes(error.message, "minAcks");
  }
});

Deno.test("a system in one process takes options and actors from the file", async () => {
  const toml = `
[system]
name = "file"
maxTasks = 1
persistence = { dueInterval = 50 }
[spawn]
stashCapacity = 5
[actors.small]
mailbox = { capacity = 2 }
[actors.kept]
supervision = { maxRestarts = 1 }
`;
  const source = sourceOf(toml, { CASTY_SYSTEM_NAME: "environment" });
  const runtime = { logger: silentLogger };
  const persistence = { journal: memoryJournal() };
  await using system = await ActorSystem.fromConfig({ runtime, persistence }, { source });
  assert(system instanceof ActorSystem);
  assertEquals(system.name, "environment");
  system.tasks.run(() => Promise.resolve());
  assertThrows(() => system.tasks.run(() => Promise.resolve()), Error, "maxTasks");
  const small = system.spawn(counting(), "small");
  const { promise, resolve } = Promise.withResolvers<void>();
  for (let index = 0; index < 5; index++) small.tell({ type: "wait", until: promise });
  assertEquals(system.ledger.snapshot().deadLetters.mailboxFull, 3);
  resolve();
  const kept = system.spawn(counting(), "kept");
  kept.tell({ type: "fail" });
  assertEquals(await system.ask(kept, (replyTo) => ({ type: "count", replyTo })), 1);
  await using named = await ActorSystem.fromConfig({ name: "argument", runtime }, { source });
  assertEquals(named.name, "argument");
  await using empty = await ActorSystem.fromConfig({ runtime }, { source: sourceOf("") });
  assertEquals(empty.name, "casty-system");
  const error = await assertRejects(
    () => ActorSystem.fromConfig({ prot: 1, runtime } as object, { source }),
    OptionError,
  );
  assertStringIncludes(error.message, "prot");
  await assertRejects(
    () => ActorSystem.fromConfig({}, { fiel: "a" } as object),
    OptionError,
    "fiel",
  );
  await assertRejects(
    () => ActorSystem.fromConfig({}, { source: sourceOf("[system]\nnam = 5") }),
    ConfigError,
    "did you mean system.name?",
  );
});

/** Tells messages that keep an actor busy; answers how many its mailbox had no place for. */
async function refusedOf(
  node: ClusteredActorSystem,
  actor: { tell(message: Message): void },
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = node.ledger.snapshot().deadLetters.mailboxFull ?? 0;
  for (let index = 0; index < 10; index++) actor.tell({ type: "wait", until: promise });
  await node.ask(
    node.spawn(counting(), `fence-${node.ledger.sent}`),
    (replyTo) => ({ type: "count", replyTo }),
  );
  const after = node.ledger.snapshot().deadLetters.mailboxFull ?? 0;
  resolve();
  return after - before;
}

const daemons = `
[sharding]
mailbox = { capacity = 8 }
[actors."settings|crew|news"]
mailbox = { capacity = 2 }
supervision = { maxRestarts = 1 }
sharding = { numShards = 7 }
`;

Deno.test("singletons, workers and broadcast actors have what is set for their names", async () => {
  await using node = await start(daemons, { ...given, name: "shop" });
  const settings = node.spawn(Behaviors.singleton(counting()), "settings");
  const other = node.spawn(Behaviors.singleton(counting()), "other");
  const own = node.spawn(Behaviors.singleton(counting(), { mailbox: { capacity: 5 } }), "other-2");
  const crew = node.spawn(Behaviors.workers(2, counting), "crew").worker(1);
  node.spawn(Behaviors.broadcasted(counting()), "news");
  const news = node.lookup<Message>("/news")!;
  for (const actor of [settings, other, own, crew, news]) {
    assertEquals(await node.ask(actor, (replyTo) => ({ type: "count", replyTo })), 1);
  }
  const refused = [];
  for (const actor of [settings, other, own, crew, news]) {
    refused.push(await refusedOf(node, actor));
  }
  // One runs, and those wait that the mailbox has a place for.
  assertEquals(refused, [8, 2, 5, 8, 8]);
  // They restart at once, and not after the pause of their daemon.
  for (const actor of [settings, crew, news]) {
    actor.tell({ type: "fail" });
    assertEquals(await node.ask(actor, (replyTo) => ({ type: "count", replyTo })), 1);
  }
});

Deno.test("a singleton is replicated by name, and only nodes of its role run it", async () => {
  await using node = await start(
    `
[actors.copied]
replication = { replicas = 1 }
[actors.elsewhere]
sharding = { role = "other" }
`,
    { ...given, name: "shop" },
  );
  node.spawn(Behaviors.singleton(counting()), "copied");
  node.spawn(Behaviors.singleton(counting()), "elsewhere");
  const lines = node.explain("replication").facts.join("\n");
  assertStringIncludes(lines, '"_singleton-copied"');
  assert(!lines.includes("elsewhere"), lines);
  assertStringIncludes(node.explain("singleton").facts.join("\n"), '"elsewhere" cannot run');
});

Deno.test("a schedule has the role of its name, and stays a schedule", async () => {
  const { logger, lines } = recordedLog();
  await using node = await start(
    `[actors.report]\nsharding = { role = "other" }\nmailbox = { capacity = 1 }`,
    { ...given, name: "shop", logger },
  );
  // Without a role this throws: there is no journal.
  node.spawn(Behaviors.scheduled("@daily", () => {}), "report");
  assertStringIncludes(node.explain("singleton").facts.join("\n"), '"report" cannot run');
  assertEquals(unusedOf(lines), ["a setting does not apply to a schedule report: mailbox"]);
});

function unusedOf(lines: ReturnType<typeof recordedLog>["lines"]): string[] {
  return lines.filter(({ source, level }) => source === "config" && level === "warn")
    .map(({ message, fields }) => `${message} ${fields.name}: ${fields.settings}`);
}

Deno.test("what is set for a name and does not apply to it is logged once", async () => {
  const { logger, lines } = recordedLog();
  const table =
    "sharding = { numShards = 7, stopTimeout = 1000 }\nreplication = { replicas = 1 }\n";
  const names = ["plain", "single", "crew", "type"];
  const toml = names.map((name) => `[actors.${name}]\n${table}`).join("") +
    `[actors."other.*"]\n${table}`;
  await using node = await start(toml, { ...given, name: "shop", logger });
  for (const name of ["plain", "other"]) node.stop(node.spawn(counting(), name));
  node.spawn(Behaviors.singleton(counting()), "single");
  node.spawn(Behaviors.workers(1, counting), "crew");
  node.spawn(Behaviors.sharded(counting), "type");
  assertEquals(unusedOf(lines), [
    "a setting does not apply to an actor plain: sharding.numShards, sharding.stopTimeout, replication",
    "a setting does not apply to a singleton single: sharding.numShards",
    "a setting does not apply to a group of workers crew: sharding.numShards",
  ]);
  assertEquals(
    lines.find(({ source }) => source === "config")?.fields.place,
    "/app/casty.toml:1:9",
  );
});

Deno.test("the mailboxes of entities do not bound the actor of their type", async () => {
  await using node = await start(
    `[mailbox]\ncapacity = 2`,
    { ...given, name: "shop" },
  );
  node.spawn(Behaviors.sharded(counting, { numShards: 3 }), "carts");
  const actor = node.lookup<ShardEnvelope<Message>>("/carts")!;
  const replies = Array.from(
    { length: 10 },
    () =>
      node.ask(
        actor,
        (replyTo: ActorRef<number>) => shardEnvelope("alice", { type: "count", replyTo } as const),
      ),
  );
  assertEquals((await Promise.all(replies)).length, 10);
});

Deno.test("clients take their options from the section client, and arguments override them", async () => {
  await using node = await ClusteredActorSystem.start({ ...given, name: "shop" });
  const env: Readonly<Record<string, string>> = { CASTY_CLIENT_CONTACT_POINTS: node.address };
  const toml = (connectTimeout: number) =>
    `[client]
systemName = "shop"
contactPoints = ["127.0.0.1:1"]
clientHost = "file"
connectTimeout = ${connectTimeout}
[transport]
maxFrame = 4096`;
  const sourceWith = (connectTimeout: number): ConfigSource => ({
    folder: () => "/",
    readFile: (path) => Promise.resolve(path === "/casty.toml" ? toml(connectTimeout) : undefined),
    env: (name) => env[name],
    envNames: () => Object.keys(env),
  });
  const patient = { source: sourceWith(60_000) };
  await using client = await ClusterClient.fromConfig({ logger: silentLogger }, patient);
  assertEquals(client.topology.members.length, 1);
  const error = await assertRejects(() =>
    ClusterClient.fromConfig(
      { contactPoints: ["127.0.0.1:1"], logger: silentLogger },
      { source: sourceWith(300) },
    )
  );
  assertStringIncludes(String(error), "300 ms");
});
