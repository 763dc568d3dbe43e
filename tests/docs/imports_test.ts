import { assert, assertEquals } from "@std/assert";
import * as client from "../../client.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));

/** The names that an entry exports, types included. */
function exportsOf(path: string): Set<string> {
  const names = new Set<string>();
  for (const [, list] of read(path).matchAll(/^export (?:type )?\{([^}]*)\}/gm)) {
    for (const name of list!.split(",")) {
      const bare = name.trim().replace(/^type /, "");
      if (bare !== "") names.add(bare);
    }
  }
  return names;
}

/** The pages and sources that hold examples. */
function* files(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory) yield* files(`${folder}${name}/`);
    else if (/\.(ts|md)$/.test(name)) yield `${folder}${name}`;
  }
}

interface Example {
  readonly where: string;
  /** By entry, `"@casty/casty"` or one below it. */
  readonly imports: Map<string, string[]>;
  readonly text: string;
}

/** What a program imports from our entries. */
function example(where: string, text: string): Example {
  const imports = new Map<string, string[]>();
  for (const [, list, entry] of text.matchAll(/import (?:type )?\{([^}]*)\} from "([^"]+)"/g)) {
    if (!entry!.startsWith("@casty/casty")) continue;
    const names = list!.split(",").map((name) => name.trim().replace(/^type /, ""));
    assert(!imports.has(entry!), `${where} imports twice from ${entry}:\n${text}`);
    imports.set(entry!, names.filter((name) => name !== ""));
  }
  return { where, imports, text };
}

function* examples(): Generator<Example> {
  const paths = ["README.md", "ARCHITECTURE.md", "mod.ts", "client.ts", "cert.ts", "cli.ts"];
  for (const path of [...paths, ...files("docs/"), ...files("lib/")]) {
    for (const [, text] of read(path).matchAll(/```ts[^\n]*\n([\s\S]*?)```/g)) {
      yield example(path, text!.replace(/^\s*\* ?/gm, ""));
    }
  }
  for (const path of files("examples/")) yield example(path, read(path));
}

Deno.test("no example imports from two entries what one of them has", () => {
  const entries: Readonly<Record<string, string>> = JSON.parse(read("deno.json")).exports;
  const exported = new Map(
    Object.entries(entries).map(([name, path]) => [
      name.replace(/^\./, "@casty/casty"),
      exportsOf(path.slice(2)),
    ]),
  );
  let count = 0;
  for (const { where, imports, text } of examples()) {
    if (imports.size === 0) continue;
    count++;
    const names = [...imports.values()].flat();
    for (const [entry, has] of exported) {
      const isEnough = names.every((name) => has.has(name));
      assert(!isEnough || imports.size === 1, `${where}: ${entry} has all of it:\n${text}`);
    }
  }
  assert(count > 50, `only ${count} examples were found`);
});

Deno.test("a program of a client needs one entry", () => {
  const has = exportsOf("client.ts");
  const needed = [
    ["ClusterClient", "ClientOptions", "TlsConfig", "consoleLogger"],
    ["ActorRef", "isActorRef", "actorRef", "ServiceKey", "ListingSubscription"],
    ["entityType", "EntityType", "EntityRef", "ShardRegionRef", "shardEnvelope", "ShardEnvelope"],
    ["Behaviors", "Behavior", "ActorContext", "Terminated", "DeadLetter"],
    ["CastyError", "ClientError", "OptionError", "ActorError", "AskError", "AskTimeoutError"],
    ["TransportError", "TlsConfigError", "CertificateRefusedError"],
  ].flat();
  assertEquals(needed.filter((name) => !has.has(name)), []);
  // What both entries have is one thing, so that programs may use both.
  const others = new Set(exportsOf("mod.ts"));
  const own = [...has].filter((name) => !others.has(name)).sort();
  assertEquals(own, [
    "AskRetry",
    "ClientAskOptions",
    "ClientConnectionRejected",
    "ClientDistributedOptions",
    "ClientError",
    "ClientErrorCode",
    "ClientEvent",
    "ClientNodeChanged",
    "ClientOptions",
    "ClientState",
    "ClientStateChanged",
    "ClusterClient",
    "ContactPoints",
    "OtherMember",
    "OtherMemberState",
    "Topology",
    "TopologyMember",
    "TopologyService",
  ]);
});

Deno.test("what both entries export is the same object", async () => {
  const main: Record<string, unknown> = await import("../../mod.ts");
  const both = Object.entries(client).filter(([name]) => name in main);
  assert(both.length > 15);
  for (const [name, value] of both) {
    // A client spawns only actors of its own.
    if (name !== "Behaviors") assert(main[name] === value, name);
  }
});
