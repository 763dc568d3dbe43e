/** The command line against nodes over mutual TLS, by admins and by others. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Behavior, Behaviors, ClusteredActorSystem, silentLogger } from "@casty/casty";
import { createCa, issueAdmin, type TestCa, testCa } from "@casty/casty/cert";
import { runCli } from "@casty/casty/cli";
import { runCli as runWith } from "../../lib/cli/cli.ts";
import { systemIo } from "../../lib/cli/system_io.ts";
import type { Logger } from "../../lib/runtime/logger.ts";

type Message = { readonly type: "count" };

const counter = (): Behavior<Message> => Behaviors.receive(() => Behaviors.same());

/** Nodes with a sharded type, and files of an admin. */
class Shop implements AsyncDisposable {
  readonly #nodes: ClusteredActorSystem[];
  readonly ca: TestCa;
  readonly lines: string[];

  private constructor(nodes: ClusteredActorSystem[], ca: TestCa, lines: string[]) {
    this.#nodes = nodes;
    this.ca = ca;
    this.lines = lines;
  }

  static async open(size: number): Promise<Shop> {
    const ca = await testCa();
    const lines: string[] = [];
    const logger: Logger = {
      log: (_level, source, message, fields) => {
        if (source === "admin") lines.push(`${message} ${JSON.stringify(fields)}`);
      },
    };
    const nodes: ClusteredActorSystem[] = [];
    for (let index = 0; index < size; index++) {
      const node = await ClusteredActorSystem.start({
        name: "shop",
        nodeId: `node-${index + 1}`,
        host: "127.0.0.1",
        port: 0,
        seedNodes: nodes.slice(0, 1).map(({ address }) => address),
        requiredQuorum: index + 1,
        tls: (await ca.issueNode()).tls,
        logger,
      });
      node.spawn(Behaviors.sharded(counter, { numShards: 8 }), "counters");
      nodes.push(node);
    }
    return new Shop(nodes, ca, lines);
  }

  node(index: number): ClusteredActorSystem {
    return this.#nodes[index]!;
  }

  /** Runs a command with the certificate in a folder. */
  run(command: readonly string[], options: readonly string[]) {
    const contact = ["--contact", this.node(0).address, "--system", "shop"];
    return runCli([...command, ...contact, ...options]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes.toReversed()) await node.shutdown();
  }
}

const filesOf = (
  { certFile, keyFile, caFile }: Record<"certFile" | "keyFile" | "caFile", string>,
) => [
  "--cert",
  certFile,
  "--key",
  keyFile,
  "--ca",
  caFile,
];

Deno.test("an admin sees status, members, shards and reasons of a cluster", async () => {
  await using shop = await Shop.open(2);
  await using files = await (await shop.ca.issueAdmin("alice")).files();
  const tls = ["--tls", files.directory];
  const [one, two] = [shop.node(0), shop.node(1)];

  const status = await shop.run(["status", "--json"], tls);
  assertEquals(status.stderr, "");
  assertEquals(status.exitCode, 0, status.stdout);
  const { ok, cluster, nodes } = JSON.parse(status.stdout);
  assert(ok);
  assertEquals(cluster.leader, one.address);
  assertEquals(cluster.members, { up: 2 });
  assertEquals(
    nodes.map((node: { address: string }) => node.address).sort(),
    [
      one.address,
      two.address,
    ].sort(),
  );
  assertStringIncludes(cluster.certificate.identity, "node ");
  assertStringIncludes((await shop.run(["status"], tls)).stdout, "all is well");

  const members = await shop.run(["members"], tls);
  assertEquals(members.exitCode, 0);
  assertMatch(members.stdout, new RegExp(`${one.address}\\s+node-1\\s+up\\s+leader`));
  assertMatch(members.stdout, new RegExp(`${two.address}\\s+node-2\\s+up`));
  const seen = await shop.run(["members", "--node", "node-2", "--json"], tls);
  assertEquals(JSON.parse(seen.stdout).seenBy, two.address);

  await one.entityRef<Message>("counters", { numShards: 8 }).entity("alice").tell({
    type: "count",
  });
  const shards = await shop.run(["shards", "counters", "--json"], tls);
  assertEquals(JSON.parse(shards.stdout).shards.length, 8);
  assert(JSON.parse(shards.stdout).coordinates);
  assertMatch((await shop.run(["shards"], tls)).stdout, /counters\s+8/);

  const why = await shop.run(["why", "entity", "counters/alice"], tls);
  assertEquals(why.stderr, "");
  assertMatch(why.stdout, /it belongs to shard \d of 8 of "counters"/);
  const member = await shop.run(["why", "member", "node-2"], tls);
  assertEquals(member.exitCode, 0);
  assertStringIncludes(member.stdout, `ok: ${two.address} is up and reachable`);
  const unknown = await shop.run(["why", "shard", "counter/3"], tls);
  assertEquals(unknown.exitCode, 1);
  assertStringIncludes(unknown.stdout, "did you mean counters?");
  // What is no topic of any node is wrong use, and not something that is wrong.
  const nothing = await shop.run(["why", "shardnig"], tls);
  assertEquals([nothing.exitCode, nothing.stdout], [2, ""]);
  assertStringIncludes(nothing.stderr, '"shardnig" cannot be explained; use one of: shard TYPE/');
});

Deno.test("nobody but an admin is answered", async () => {
  await using shop = await Shop.open(1);
  await using client = await (await shop.ca.issueClient("till")).files();
  const refused = await shop.run(["status"], filesOf(client));
  assertEquals(refused.exitCode, 4, refused.stderr);
  assertStringIncludes(refused.stderr, "the certificate of client till is not that of an admin");
  assertStringIncludes(refused.stderr, "casty cert create-admin");
  assertEquals(shop.lines.length, 1);
  assertStringIncludes(shop.lines[0]!, "refused the request of a peer that is no admin");
  assertStringIncludes(shop.lines[0]!, "till");

  // A node's certificate is good for the connection of a client, and for nothing here.
  await using node = await (await shop.ca.issueNode()).files();
  const asNode = await shop.run(["members"], filesOf(node));
  assertEquals(asNode.exitCode, 4, asNode.stderr);
  assertStringIncludes(asNode.stderr, "is not that of an admin");
});

Deno.test("an admin that cannot connect learns why", async () => {
  await using shop = await Shop.open(1);
  await using files = await (await shop.ca.issueAdmin()).files();
  const wrongName = await runCli([
    ...["status", "--contact", shop.node(0).address, "--system", "store"],
    ...["--tls", files.directory],
  ]);
  assertEquals(wrongName.exitCode, 3);
  assertStringIncludes(wrongName.stderr, '"shop"');

  const other = await testCa();
  await using foreign = await (await other.issueAdmin()).files();
  const untrusted = await shop.run(["status"], [
    ...["--cert", foreign.certFile, "--key", foreign.keyFile, "--ca", files.caFile],
  ]);
  assertEquals(untrusted.exitCode, 3, untrusted.stderr);
  assertMatch(untrusted.stderr, /certificate|authority/);

  const absent = await shop.run(["status"], ["--tls", `${files.directory}/nothing`]);
  assertEquals(absent.exitCode, 3);
  assertStringIncludes(absent.stderr, "nothing/admin.crt");

  const closed = await runCli([
    ...["status", "--contact", "127.0.0.1:1", "--system", "shop", "--timeout", "2"],
    ...["--tls", files.directory],
  ]);
  assertEquals(closed.exitCode, 3);
  assertStringIncludes(closed.stderr, "127.0.0.1:1");

  const expired = await expiredAdmin(files.directory);
  const late = await shop.run(["status"], ["--tls", expired]);
  assertEquals(late.exitCode, 3, late.stderr);
  assertStringIncludes(late.stderr, "expired");
});

/** A folder with the certificate of an admin that has expired. */
async function expiredAdmin(directory: string): Promise<string> {
  const { now } = Date;
  Date.now = () => now() - 2 * 86_400_000;
  try {
    const ca = await createCa();
    const { cert, key } = await issueAdmin(ca, { name: "late", validity: "24h" });
    const folder = `${directory}/late`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/admin.crt`, cert);
    await Deno.writeTextFile(`${folder}/admin.key`, key, { mode: 0o600 });
    await Deno.writeTextFile(`${folder}/ca.crt`, ca.cert);
    return folder;
  } finally {
    Date.now = now;
  }
}

Deno.test("without TLS everybody may look, and nobody may change anything", async () => {
  await using node = await ClusteredActorSystem.start({
    name: "open",
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
  });
  const options = ["--contact", node.address, "--system", "open"];
  assertEquals((await runCli(["members", ...options])).exitCode, 0);
  const certificates = await runCli(["why", "certificates", ...options]);
  assertEquals(certificates.exitCode, 1);
  assertStringIncludes(certificates.stdout, "this node runs without TLS");
});

Deno.test("an admin has a member leave, and declares another one down", async () => {
  await using shop = await Shop.open(4);
  await using files = await (await shop.ca.issueAdmin("alice")).files();
  await using client = await (await shop.ca.issueClient("till")).files();
  const tls = ["--tls", files.directory];
  const [third, fourth] = [shop.node(2), shop.node(3)];

  const unconfirmed = await shop.run(["leave", "node-4"], tls);
  assertEquals(unconfirmed.exitCode, 2);
  assertStringIncludes(unconfirmed.stderr, "confirm it with --yes");
  const refused = await shop.run(["leave", "node-4", "--yes"], filesOf(client));
  assertEquals(refused.exitCode, 4, refused.stderr);
  assertEquals(fourth.members.length, 4);

  const left = await shop.run(["leave", "node-4", "--yes", "--json"], tls);
  assertEquals(left.exitCode, 0, left.stderr);
  assertEquals(JSON.parse(left.stdout).outcome, "gone");
  assertEquals(JSON.parse(left.stdout).address, fourth.address);

  const reachable = await shop.run(["down", "node-3", "--yes"], tls);
  assertEquals(reachable.exitCode, 1);
  assertStringIncludes(reachable.stderr, `${third.address} is reachable`);
  // What was refused is not told as what was done.
  const done = () => shop.lines.filter((line) => line.startsWith("an admin changes the cluster"));
  assert(done().every((line) => line.includes('"type":"leave"')), done().join("\n"));
  const refusals = shop.lines.filter((line) => line.startsWith("a change that an admin asked for"));
  assert(refusals.some((line) => line.includes('"code":"memberReachable"')), refusals.join("\n"));
  const down = await shop.run(["down", "node-3", "--yes", "--force"], tls);
  assertEquals(down.exitCode, 0, down.stderr);
  assertStringIncludes(down.stdout, "declared down by");
  const why = await shop.run(["members", "--json"], tls);
  const rows: { nodeId: string; status: string }[] = JSON.parse(why.stdout).members;
  assertEquals(rows.filter(({ status }) => status === "up").map(({ nodeId }) => nodeId), [
    "node-1",
    "node-2",
  ]);
  const changes = done();
  assert(changes.length >= 3 && changes.every((line) => line.includes('"admin":"alice"')));
});

Deno.test("an admin sees which entities are busy", async () => {
  await using shop = await Shop.open(2);
  await using files = await (await shop.ca.issueAdmin("alice")).files();
  const counters = shop.node(0).entityRef<Message>("counters", { numShards: 8 });
  let stopped = false;
  const sending = (async () => {
    while (!stopped) {
      for (let index = 0; index < 10; index++) counters.entity("busy").tell({ type: "count" });
      counters.entity("quiet").tell({ type: "count" });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const options = ["--once", "--json", "--interval", "1", "--by", "messages"];
  const top = await shop.run(["top", ...options], ["--tls", files.directory]);
  stopped = true;
  await sending;
  assertEquals(top.exitCode, 0, top.stderr);
  const { actors, nodes } = JSON.parse(top.stdout);
  assertEquals(nodes.length, 2);
  const paths = actors.map(({ path }: { path: string }) => path);
  assertEquals(paths.slice(0, 2), ["counters/busy", "counters/quiet"]);
  assert(actors[0].messages > 5 * actors[1].messages && actors[1].messages > 1);
  const wrong = await shop.run(["top", "--by", "name"], ["--tls", files.directory]);
  assertEquals(wrong.exitCode, 2);
});

Deno.test("contact and name come from a configuration, and a person is asked before a change", async () => {
  await using shop = await Shop.open(2);
  await using files = await (await shop.ca.issueAdmin("alice")).files();
  const toml = `[cluster]\nname = "shop"\nseedNodes = ["${shop.node(0).address}"]\n`;
  const questions: string[] = [];
  const shown: string[] = [];
  const run = (command: readonly string[], answer = false) =>
    runWith([...command, "--tls", files.directory], {
      ...systemIo,
      config: {
        folder: () => "/",
        readFile: (path) => Promise.resolve(path === "/casty.toml" ? toml : undefined),
        env: () => undefined,
        envNames: () => [],
      },
      confirm: (question) => {
        questions.push(question);
        return Promise.resolve(answer);
      },
      live: (text) => {
        shown.push(text);
        // As a person who interrupts the third table.
        return shown.length < 3 ? Promise.resolve() : Promise.reject(new Error("interrupted"));
      },
    });
  const status = await run(["status"]);
  assertEquals([status.exitCode, status.stderr], [0, ""]);

  const top = await run(["top", "--interval", "1"]);
  assertEquals([top.exitCode, top.stderr], [1, "interrupted\n"]);
  assertEquals(shown.length, 3);
  assertStringIncludes(shown[0]!, shop.node(1).address);

  const declined = await run(["leave", "node-2"]);
  assertEquals([declined.exitCode, declined.stdout], [1, "nothing was done\n"]);
  assertEquals(shop.node(1).members.length, 2);
  const left = await run(["leave", "node-2"], true);
  assertEquals([left.exitCode, left.stderr], [0, ""]);
  assertEquals(questions.length, 2);
  assertStringIncludes(questions[0]!, `${shop.node(1).address} will leave the cluster and stop`);

  const nothing = await runWith(["status"], {
    ...systemIo,
    config: {
      folder: () => "/",
      readFile: () => Promise.resolve(undefined),
      env: () => undefined,
      envNames: () => [],
    },
  });
  assertEquals(nothing.exitCode, 2);
  assertStringIncludes(nothing.stderr, "--contact is missing");
});
