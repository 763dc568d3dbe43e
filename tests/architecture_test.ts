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
  wire: ["actor/ref.ts"],
};

const root = new URL("../lib/", import.meta.url);

interface Source {
  readonly folder: string;
  readonly path: string;
  readonly text: string;
}

function* sources(): Generator<Source> {
  for (const { name: folder, isDirectory } of Deno.readDirSync(root)) {
    if (isDirectory) yield* sourcesIn(folder, folder);
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

Deno.test("a lower layer never imports a higher one", () => {
  const wrong: string[] = [];
  let imports = 0;
  for (const { folder, path, text } of sources()) {
    assert(folder in allowed, `lib/${folder}/ has no place among the layers`);
    for (
      const [, target] of text.matchAll(/^(?:import|export)[^;]*? from "(?:\.\.\/)+([^"]+)"/gms)
    ) {
      imports++;
      const layer = target!.split("/")[0]!;
      // One folder up from a folder within a layer is the layer itself.
      if (path.split("/").length > 2 && !target!.includes("/") && !target!.endsWith("_system.ts")) {
        continue;
      }
      const fine = folder === "wire" && layer === "actor"
        ? exceptions.wire!.includes(target!)
        : allowed[folder]!.includes(layer);
      if (!fine) wrong.push(`lib/${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
  assert(imports > 100, `only ${imports} imports were found`);
});

Deno.test("time, chance and timers come in through the runtime only", () => {
  const native =
    /\b(?:Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|crypto\.randomUUID|crypto\.getRandomValues)\b/;
  const wrong: string[] = [];
  for (const { folder, path, text } of sources()) {
    if (folder === "cert" || /^runtime\/system_/.test(path)) continue;
    // The manual clock runs what is due between two turns of the real event loop.
    if (path === "testkit/manual_clock.ts") continue;
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
    "sharding/coordinator.ts",
    "sharding/shard_table.ts",
    "sharding/shard_routes.ts",
    "sharding/shard_router.ts",
    "sharding/shard_node.ts",
    "sharding/region.ts",
    "sharding/allocation.ts",
    "sharding/shard_hash.ts",
    "cluster/barrier_rounds.ts",
    "client/contacts.ts",
    "client/node_health.ts",
    "client/topology_choice.ts",
    "transport/association.ts",
    "transport/handshake.ts",
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
