import { assert, assertEquals } from "@std/assert";

/** What each folder of lib may import; a folder may always import itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  offline: [],
  cert: ["runtime"],
  actor: ["runtime"],
  streams: ["runtime", "actor"],
  routing: ["runtime", "actor"],
  membership: ["runtime"],
  wire: ["runtime", "actor"],
  transport: ["runtime", "wire"],
  remoting: ["runtime", "actor", "wire", "transport"],
  cluster: ["runtime", "actor", "wire", "transport", "membership", "remoting"],
  sharding: ["runtime", "actor", "transport", "membership", "remoting", "cluster"],
  client: ["runtime", "actor", "wire", "transport", "remoting", "cluster", "sharding"],
  // Simulations run whole nodes; `lib/*.ts` are the composition root.
  testkit: [
    "runtime",
    "actor",
    "wire",
    "transport",
    "membership",
    "remoting",
    "cluster",
    "sharding",
    "client",
    "clustered_actor_system.ts",
    "node_internals.ts",
  ],
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

/** Rooms whose circles are still to be cut; the list only shrinks. */
const circular: readonly string[] = [
  "actor",
  "membership",
  "transport",
  "remoting",
  "cert",
  "streams",
];

Deno.test("no file is in an import circle", () => {
  const graph = new Map([...sources()].map((source) => [source.path, importsOf(source)]));
  const circles = importCircles(graph)
    .filter((circle) => !circular.some((room) => circle[0]!.startsWith(`${room}/`)));
  assertEquals(circles, []);
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

Deno.test("files come in through the runtime only", () => {
  const native =
    /\bDeno\.(?:open|create|read\w*|write\w*|rename|remove|mkdir|l?stat|link|symlink|copyFile|truncate|chmod|makeTemp\w*|watchFs|FsFile|errors\.NotFound)\b|"node:fs/;
  const wrong: string[] = [];
  for (const { folder, path, text } of sources()) {
    // The certificate tool reads and writes what a user names; the transport watches certificates.
    if (folder === "cert" || path.startsWith("transport/tls/")) continue;
    if (/^runtime\/(?:system_|platform)/.test(path)) continue;
    text.split("\n").forEach((line, index) => {
      if (native.test(line) && !/^\s*(\*|\/\/|\/\*\*)/.test(line)) {
        wrong.push(`lib/${path}:${index + 1}`);
      }
    });
  }
  assertEquals(wrong, []);
});

Deno.test("what decides imports nothing that does", () => {
  const pure = [
    "sharding/coordinator/coordinator.ts",
    "sharding/coordinator/shard_table.ts",
    "sharding/routing/shard_routes.ts",
    "sharding/routing/shard_router.ts",
    "sharding/shard_node.ts",
    "sharding/region/region.ts",
    "sharding/coordinator/allocation.ts",
    "sharding/routing/shard_hash.ts",
    "cluster/node/barrier_rounds.ts",
    "client/contacts.ts",
    "client/node_health.ts",
    "client/topology_choice.ts",
    "transport/endpoint/association.ts",
    "transport/connection/handshake.ts",
    "remoting/watch_table.ts",
    "remoting/peer_watches.ts",
    "remoting/watch_protocol.ts",
    "streams/stream_core.ts",
    "streams/credit_pool.ts",
    "streams/stream_intake.ts",
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
