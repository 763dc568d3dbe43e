import { assert, assertEquals } from "@std/assert";

/** What each folder of lib may import; a folder may always import itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  options: ["runtime"],
  offline: [],
  x509: ["runtime", "options"],
  cert: ["runtime", "options", "x509"],
  contracts: ["runtime"],
  // The client side of it is loaded by the command line only.
  admin: [
    "runtime",
    "options",
    "actor",
    "transport",
    "membership",
    "remoting",
    "cluster",
    "sharding",
    "replication",
    "client",
  ],
  config: ["runtime", "options"],
  cli: ["runtime", "options", "transport", "client", "admin", "config", "cert", "contracts"],
  actor: ["runtime", "options"],
  streams: ["runtime", "options", "actor"],
  routing: ["runtime", "options", "actor"],
  persistence: ["runtime", "options", "actor", "wire"],
  membership: ["runtime", "options"],
  wire: ["runtime", "options", "actor"],
  transport: ["runtime", "options", "wire", "x509"],
  remoting: ["runtime", "options", "actor", "wire", "transport"],
  cluster: ["runtime", "options", "actor", "wire", "transport", "membership", "remoting"],
  sharding: [
    "runtime",
    "options",
    "actor",
    "persistence",
    "transport",
    "membership",
    "remoting",
    "cluster",
  ],
  replication: [
    "runtime",
    "options",
    "actor",
    "persistence",
    "transport",
    "membership",
    "cluster",
    "sharding",
  ],
  health: ["actor", "membership", "cluster"],
  metrics: ["runtime", "options"],
  otel: ["runtime", "options"],
  delivery: ["runtime", "options", "actor", "wire", "sharding"],
  singleton: ["runtime", "options", "actor", "persistence", "cluster", "sharding"],
  topics: ["runtime", "options", "actor", "transport", "membership", "cluster"],
  gateway: ["runtime", "options", "actor", "sharding", "topics"],
  broadcast: ["runtime", "options", "actor", "transport", "membership", "cluster"],
  distributed: [
    "runtime",
    "options",
    "actor",
    "wire",
    "persistence",
    "transport",
    "cluster",
    "sharding",
  ],
  inspection: [
    "runtime",
    "actor",
    "transport",
    "membership",
    "cluster",
    "sharding",
    "topics",
    "node_internals.ts",
  ],
  dashboard: [
    "runtime",
    "options",
    "actor",
    "transport",
    "membership",
    "cluster",
    "sharding",
    "inspection",
    "node_internals.ts",
  ],
  // A whole node in each process, and what starts them.
  up: [
    "runtime",
    "cert",
    "transport",
    "dashboard",
    "clustered_actor_system.ts",
  ],
  client: [
    "runtime",
    "options",
    "config",
    "actor",
    "wire",
    "transport",
    "remoting",
    "cluster",
    "sharding",
    "singleton",
    "topics",
    "broadcast",
    "distributed",
  ],
  // Simulations run whole nodes; `lib/*.ts` are the composition root.
  testkit: [
    "runtime",
    "options",
    "actor",
    "wire",
    "transport",
    "membership",
    "remoting",
    "cluster",
    "sharding",
    "replication",
    "singleton",
    "topics",
    "broadcast",
    "distributed",
    "client",
    "persistence",
    "clustered_actor_system.ts",
    "node_internals.ts",
  ],
};

/**
 * What each sub-room of lib/actor may import; errors and option checks are below them all.
 *
 * - `ref`: references, and the interfaces by which other layers reach the actor behind one.
 * - `services`: what a system offers besides actors: events, ledger, scheduler, tasks, receptionist.
 * - `behavior`: what users write, and the interfaces that their handlers see.
 * - `ask`: pending asks and their deadlines.
 * - `cell`: runs one actor.
 * - `system`: composes all of them.
 */
const actorRooms: Readonly<Record<string, readonly string[]>> = {
  ref: [],
  services: ["ref"],
  behavior: ["ref", "services"],
  ask: ["ref", "services", "behavior"],
  cell: ["ref", "services", "behavior", "ask"],
  system: ["ref", "services", "behavior", "ask", "cell"],
};

/** Files of other folders that may be imported although their folder may not. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  // The codec must tell references from data.
  wire: ["actor/ref/ref.ts"],
};

const root = new URL("../lib/", import.meta.url);

interface Source {
  /** The room; empty for the composition root. */
  readonly folder: string;
  readonly path: string;
  readonly text: string;
}

function* sources(): Generator<Source> {
  for (const { name, isDirectory } of Deno.readDirSync(root)) {
    if (isDirectory) yield* sourcesIn(name, name);
    else if (name.endsWith(".ts")) {
      yield { folder: "", path: name, text: Deno.readTextFileSync(new URL(name, root)) };
    }
  }
}

function* sourcesIn(folder: string, under: string): Generator<Source> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(`${under}/`, root))) {
    const path = `${under}/${name}`;
    if (isDirectory && folder !== "offline") yield* sourcesIn(folder, path);
    if (isDirectory || !name.endsWith(".ts")) continue;
    yield { folder, path, text: Deno.readTextFileSync(new URL(path, root)) };
  }
}

/** Matches static imports, re-exports, dynamic imports and `import("...")` types. */
const importing = /(?:^(?:import|export)\b[^;]*?\bfrom\s+|\bimport\(\s*|^import\s+)"(\.[^"]+)"/gms;

/** The files of lib that a file imports, type-only imports included. */
function importsOf({ path, text }: Source): string[] {
  const from = new URL(path, root);
  return [...text.matchAll(importing)].map(([, target]) => {
    const { href } = new URL(target!, from);
    assert(href.startsWith(root.href), `lib/${path} imports ${target}, which is not in lib`);
    return href.slice(root.href.length);
  });
}

Deno.test("a lower layer never imports a higher one", () => {
  const wrong: string[] = [];
  let imports = 0;
  for (const source of sources()) {
    const { folder, path } = source;
    if (folder === "") continue;
    assert(folder in allowed, `lib/${folder}/ has no place among the layers`);
    for (const target of importsOf(source)) {
      imports++;
      const layer = target.split("/")[0]!;
      const fine = layer === folder || allowed[folder]!.includes(layer) ||
        exceptions[folder]?.includes(target);
      if (!fine) wrong.push(`lib/${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
  assert(imports > 1_000, `only ${imports} imports were found`);
});

/** The sub-room of lib/actor that a file is in; empty for a file above all of them. */
function actorRoomOf(path: string): string | undefined {
  const [room, sub, file] = path.split("/");
  if (room !== "actor") return undefined;
  return file === undefined ? "" : sub;
}

Deno.test("a sub-room of lib/actor never imports one above it", () => {
  const wrong: string[] = [];
  for (const source of sources()) {
    const room = actorRoomOf(source.path);
    if (room === undefined || room === "") continue;
    assert(room in actorRooms, `lib/actor/${room}/ has no place among the sub-rooms`);
    for (const target of importsOf(source)) {
      const other = actorRoomOf(target);
      const fine = other === undefined || other === "" || other === room ||
        actorRooms[room]!.includes(other);
      if (!fine) wrong.push(`lib/${source.path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("only the cell knows the bits of its status", () => {
  const users: string[] = [];
  for (const source of sources()) {
    if (importsOf(source).includes("actor/cell/cell_status.ts")) users.push(source.path);
  }
  assertEquals(users, ["actor/cell/cell.ts"]);
  // Private to its class, so no other file can write it.
  const cell = Deno.readTextFileSync(new URL("actor/cell/cell.ts", root));
  assert(/^ {2}#status = /m.test(cell) && !/^ {2}(?:public |protected )?status\b/m.test(cell));
});

/** Files of `cell/` that other rooms may use: they hold no state of an actor. */
const stateless: readonly string[] = [
  "actor/cell/message_size.ts",
  "actor/cell/stash.ts",
  "actor/cell/suspension.ts",
];

Deno.test("other layers reach an actor through interfaces, not through its cell", () => {
  const wrong: string[] = [];
  for (const source of sources()) {
    const { folder, path, text } = source;
    if (folder === "actor") continue;
    for (const target of importsOf(source)) {
      if (actorRoomOf(target) === "cell" && !stateless.includes(target)) {
        wrong.push(`lib/${path} imports ${target}`);
      }
    }
    if (/\.cell\s*\.\s*\w+\s*\./.test(text) || /\)\s*\.cell\b/.test(text)) {
      wrong.push(`lib/${path} reaches into a cell`);
    }
  }
  assertEquals(wrong, []);
});

/** Groups of files that import each other, type-only imports included (Tarjan's algorithm). */
function importCircles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (path: string): void => {
    order.set(path, order.size);
    lowest.set(path, order.get(path)!);
    stack.push(path);
    for (const target of graph.get(path) ?? []) {
      if (!order.has(target)) {
        visit(target);
        lowest.set(path, Math.min(lowest.get(path)!, lowest.get(target)!));
      } else if (stack.includes(target)) {
        lowest.set(path, Math.min(lowest.get(path)!, order.get(target)!));
      }
    }
    if (lowest.get(path) !== order.get(path)) return;
    const circle = stack.splice(stack.indexOf(path));
    if (circle.length > 1 || graph.get(path)?.includes(path)) circles.push(circle.sort());
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return circles;
}

Deno.test("import circles are found", () => {
  const graph = new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", ["a"]], ["d", ["d"]], ["e", [
    "a",
  ]]]);
  assertEquals(importCircles(graph), [["d"], ["a", "b", "c"]]);
});

Deno.test("no file is in an import circle", () => {
  const graph = new Map([...sources()].map((source) => [source.path, importsOf(source)]));
  assertEquals(importCircles(graph), []);
});

Deno.test("a client loads only what a client needs", () => {
  const graph = new Map([...sources()].map((source) => [source.path, importsOf(source)]));
  const text = Deno.readTextFileSync(new URL("../client.ts", root));
  const entry = [...text.matchAll(importing)].map(([, target]) => target!.slice("./lib/".length));
  assert(entry.length > 5, `only ${entry.length} imports of client.ts were found`);
  const chains = new Map(entry.map((path) => [path, path]));
  for (const [path, chain] of chains) {
    for (const target of graph.get(path)!) {
      if (!chains.has(target)) chains.set(target, `${chain} -> ${target}`);
    }
  }
  // What coordinates, owns or remembers shards; membership; and what makes a node. The topology is
  // what nodes send to clients.
  const foreign =
    /^(?:sharding\/(?!routing\/|errors\.ts$)|membership\/|cluster\/(?!gateway\/topology)|[^/]+$)/;
  const wrong = [...chains].filter(([path]) => foreign.test(path)).map(([, chain]) => chain);
  assertEquals(wrong, []);
  assert(chains.has("client/cluster_client.ts") && chains.has("sharding/routing/shard_router.ts"));
});

Deno.test("the client of a gateway loads nothing that a browser does not have", () => {
  const graph = new Map([...sources()].map((source) => [source.path, importsOf(source)]));
  const texts = new Map([...sources()].map(({ path, text }) => [path, text]));
  const text = Deno.readTextFileSync(new URL("../gateway_client.ts", root));
  // Types are not loaded.
  const values = text.replace(/^export type [^;]*;/gm, "");
  const loaded = new Set(
    [...values.matchAll(importing)].map(([, target]) => target!.slice("./lib/".length)),
  );
  for (const path of loaded) {
    const source = {
      folder: "",
      path,
      text: texts.get(path)!.replace(/^import type [^;]*;/gm, ""),
    };
    for (const target of importsOf(source)) loaded.add(target);
    assert(
      !/^import [^;]* from "(?:node:|npm:|@)/m.test(source.text),
      `lib/${path} loads a package`,
    );
    assert(graph.has(path), path);
  }
  const others = [...loaded].filter((path) => !/^(?:gateway|options|runtime)\//.test(path));
  assertEquals(others, []);
  const heavy = [...loaded].filter((path) => /platform|gateway\/(?:server|api)\//.test(path));
  assertEquals(heavy, []);
  assert(loaded.has("gateway/session/client_session.ts"));
});

Deno.test("durable actors come with the main entry, and stores with an entry of their own", () => {
  const graph = new Map([...sources()].map((source) => [source.path, importsOf(source)]));
  const text = Deno.readTextFileSync(new URL("../mod.ts", root));
  const loaded = new Set(
    [...text.matchAll(importing)].map(([, target]) => target!.slice("./lib/".length)),
  );
  for (const path of loaded) for (const target of graph.get(path)!) loaded.add(target);
  assert(loaded.has("persistence/event_sourced.ts") && loaded.has("persistence/durable_state.ts"));
  const stores = /^persistence\/(?:memory_journal\.ts|sqlite\/|postgres\/|mod\.ts)/;
  // Copies of replicated shards are in memory unless they are given a store.
  assertEquals([...loaded].filter((path) => stores.test(path)), ["persistence/memory_journal.ts"]);
  const users = [...loaded].filter((path) => {
    return graph.get(path)!.includes("persistence/memory_journal.ts");
  });
  assertEquals(users, ["replication/replicated_type.ts"]);
});

Deno.test("the composition root lists extensions, and knows nothing else of them", () => {
  const source = [...sources()].find(({ path }) => path === "clustered_actor_system.ts")!;
  const parts = (text: string) =>
    importsOf({ ...source, text }).filter((path) => path.startsWith("sharding/"));
  // The types of its methods that lead to entities.
  const types = source.text.match(/^import type [^;]*;/gm)!.join("\n");
  assertEquals(parts(types), [
    "sharding/routing/cluster_access.ts",
    "sharding/routing/entity_factory.ts",
    "sharding/routing/entity_ref.ts",
    "sharding/routing/entity_type.ts",
    "sharding/routing/numbered_workers.ts",
    "sharding/routing/shard_proxy.ts",
    "sharding/sharded_behavior.ts",
  ]);
  const values = source.text.replace(/^import type [^;]*;/gm, "");
  assertEquals(parts(values), ["sharding/sharding.ts", "sharding/sharding_extension.ts"]);
  assert(!/instanceof (?!ExtensionBehavior|Ref\b)/.test(source.text));
});

Deno.test("only the command line loads the package typescript", () => {
  const users = [
    ...sources(),
    ...["mod.ts", "client.ts", "cert.ts"].map((path) => ({
      path,
      text: Deno.readTextFileSync(new URL(`../${path}`, root)),
    })),
  ].filter(({ text }) => /^import (?!type )[^;]*"typescript"|\bimport\("typescript"\)/m.test(text));
  assertEquals(users.map(({ path }) => path), ["cli/module_loader.ts"]);
  const loaders = [...sources()].filter((source) =>
    importsOf(source).some((path) => path.startsWith("cli/") || path.startsWith("contracts/"))
  );
  const rooms = new Set(loaders.map(({ folder }) => folder));
  assertEquals([...rooms].sort(), ["cli", "contracts"]);
});

Deno.test("time, chance and timers come in through the runtime only", () => {
  const native =
    /\b(?:Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|crypto\.randomUUID|crypto\.getRandomValues)\b/;
  const wrong: string[] = [];
  for (const { folder, path, text } of sources()) {
    if (folder === "cert" || /^runtime\/system_/.test(path)) continue;
    text.split("\n").forEach((line, index) => {
      if (native.test(line) && !/^\s*(\*|\/\/|\/\*\*)/.test(line)) {
        wrong.push(`lib/${path}:${index + 1}`);
      }
    });
  }
  assertEquals(wrong, []);
});

Deno.test("only the look at a rejected certificate does without a verified TLS peer", () => {
  // No data passes there; its documentation says why it is needed, and for what.
  const wrong = [...sources()].filter(({ text }) => /rejectUnauthorized:\s*(?!\s|true)/.test(text));
  assertEquals(wrong.map(({ path }) => path), ["x509/peer_look.ts"]);
  const users = [...sources()].filter((source) => importsOf(source).includes("x509/peer_look.ts"));
  assertEquals(users.map(({ path }) => path).sort(), [
    "cert/doctor/doctor_live.ts",
    "transport/tls/peer_looks.ts",
  ]);
});

Deno.test("files come in through the runtime only", () => {
  const native = /\bplatform\.files\b|"node:fs/;
  const wrong: string[] = [];
  for (const { folder, path, text } of sources()) {
    // Tools read and write what a user names; the transport watches certificates.
    if (["cert", "cli", "up"].includes(folder) || path.startsWith("transport/tls/")) continue;
    if (/^runtime\/(?:system_|platform)/.test(path)) continue;
    text.split("\n").forEach((line, index) => {
      if (native.test(line) && !/^\s*(\*|\/\/|\/\*\*)/.test(line)) {
        wrong.push(`lib/${path}:${index + 1}`);
      }
    });
  }
  assertEquals(wrong, []);
});

/** Where a source uses the global, and not only writes about it. Templates count as code. */
function usesOfDeno(text: string): string[] {
  const prose = /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"/g;
  const code = text.replace(prose, (match) => match.replace(/[^\n]/g, " "));
  const use = /\b(?:Deno|Bun)(?:\.\w|\s*[[;,)?}:]|\s+as\b)/;
  return code.split("\n").flatMap((line, at) =>
    use.test(line) ? [`${at + 1}: ${line.trim()}`] : []
  );
}

/** The second writes source text of tests. */
const mayNameDeno: readonly string[] = [
  "runtime/platform.ts",
  "testkit/simulation/failure_file.ts",
];

Deno.test("only lib/runtime/platform.ts names Deno", () => {
  assertEquals(usesOfDeno('f(); // Deno.x\nDeno.pid /* Deno.x */ "Deno.x"'), ["2: Deno.pid"]);
  const entries = [
    "mod.ts",
    "client.ts",
    "cert.ts",
    "cli.ts",
    "gateway.ts",
    "gateway_client.ts",
    "gateway_node.ts",
    "up.ts",
  ].map((path) => ({
    path,
    text: Deno.readTextFileSync(new URL(`../${path}`, root)),
  }));
  const wrong = [...sources(), ...entries]
    .filter(({ path }) => !mayNameDeno.includes(path))
    .flatMap(({ path, text }) => usesOfDeno(text).map((line) => `${path}:${line}`));
  assertEquals(wrong, []);
});

Deno.test("what decides imports nothing that does", () => {
  const pure = [
    ...[...sources()].filter(({ folder }) => folder === "membership").map(({ path }) => path),
    "sharding/coordinator/coordinator.ts",
    "sharding/coordinator/shard_table.ts",
    "sharding/routing/shard_routes.ts",
    "sharding/routing/shard_router.ts",
    "sharding/sharding_machine.ts",
    "sharding/region/region.ts",
    "sharding/region/node_regions.ts",
    "sharding/region/delivery_intake.ts",
    "sharding/coordinator/allocation.ts",
    "sharding/routing/shard_hash.ts",
    "cluster/node/barrier_rounds.ts",
    "client/contacts.ts",
    "client/node_circuit_breakers.ts",
    "client/topology_choice.ts",
    "transport/endpoint/association.ts",
    "transport/connection/handshake.ts",
    "remoting/watch_table.ts",
    "remoting/peer_watches.ts",
    "remoting/watch_protocol.ts",
    "streams/stream_core.ts",
    "streams/credit_pool.ts",
    "streams/stream_intake.ts",
    "persistence/metadata.ts",
    "persistence/delivery/inbox.ts",
    "persistence/delivery/outbox.ts",
    "persistence/delivery/redelivery.ts",
    "gateway/session/session_link.ts",
    "gateway/session/server_session.ts",
    "gateway/session/client_session.ts",
    "gateway/server/principals.ts",
    "contracts/contract_changes.ts",
    "contracts/contracts_file.ts",
    "contracts/module_graph.ts",
    "contracts/same_shape.ts",
    "contracts/shape_changes.ts",
    "up/key_commands.ts",
    "up/partition.ts",
    "up/supervisor.ts",
  ];
  for (const path of pure) {
    const text = Deno.readTextFileSync(new URL(path, root));
    assert(
      !/runtime\/(clock|random|system_|runtime)/.test(text),
      `lib/${path} reads a clock or dice`,
    );
    assert(!/new Promise|async |await /.test(text), `lib/${path} waits for something`);
  }
});

/** What each public entry loads from npm, with all that it imports: nothing that only others need. */
const loaded: Readonly<Record<string, readonly string[]>> = {
  "mod.ts": ["@msgpack/msgpack", "asn1js", "pkijs", "smol-toml"],
  "client.ts": ["@msgpack/msgpack", "asn1js", "pkijs", "smol-toml"],
  "cert.ts": ["asn1js", "pkijs"],
  "lib/cluster/mod.ts": ["@msgpack/msgpack"],
  "lib/persistence/mod.ts": ["croner"],
  "dashboard.ts": ["@msgpack/msgpack", "asn1js", "pkijs"],
  "gateway.ts": [],
  "gateway_client.ts": [],
  "gateway_node.ts": ["ws"],
  "metrics.ts": [],
  "otel.ts": ["@opentelemetry/api"],
  "postgres.ts": ["croner", "pg"],
  "up.ts": ["@msgpack/msgpack", "asn1js", "pkijs", "smol-toml"],
  "lib/runtime/mod.ts": [],
  "lib/streams/mod.ts": [],
  "lib/delivery/mod.ts": [],
  "lib/testkit/mod.ts": ["@msgpack/msgpack", "asn1js", "croner", "pkijs", "smol-toml"],
};

for (const [entry, packages] of Object.entries(loaded)) {
  Deno.test(`${entry} loads from npm what it needs`, async () => {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", entry],
      cwd: new URL("..", root),
    }).output();
    assert(success);
    const { modules }: { modules: { specifier: string }[] } = JSON.parse(
      new TextDecoder().decode(stdout),
    );
    const found = modules.map(({ specifier }) => /^npm:\/(.+)@[^@]+$/.exec(specifier)?.[1])
      .filter((name) => name !== undefined);
    assertEquals(found.toSorted(), packages);
  });
}
