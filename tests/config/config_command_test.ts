import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "smol-toml";
import { runCli } from "../../lib/cli/cli.ts";
import { systemIo } from "../../lib/cli/system_io.ts";
import { configReference } from "../../lib/config/config_reference.ts";
import { shown } from "../../lib/config/config_table.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import { tomlText } from "../../lib/config/toml_text.ts";
import { list, text } from "../../lib/options/option.ts";

/** A source with one file. */
const source = (toml: string | undefined, env: Readonly<Record<string, string>> = {}) => ({
  folder: () => "/app",
  readFile: (path: string) => Promise.resolve(path === "/app/casty.toml" ? toml : undefined),
  env: (name: string) => env[name],
  envNames: () => Object.keys(env),
});

const run = (
  line: string,
  toml: string | undefined,
  env: Readonly<Record<string, string>> = {},
) => runCli(line.split(" "), { ...systemIo, config: source(toml, env) });

const toml = `[cluster]
name = "shop"
port = 25520
roles = ["web", "eu"]
[actors."order.*"]
mailbox = { capacity = 5 }
`;

Deno.test("config show says where each value comes from", async () => {
  const { exitCode, stdout } = await run("config show", toml, { CASTY_CLUSTER_PORT: "1" });
  assertEquals(exitCode, 0);
  assertEquals(
    stdout,
    `file: /app/casty.toml

KEY               VALUE                           FROM
cluster.name      "shop"                          /app/casty.toml:2:8
cluster.port      1                               CASTY_CLUSTER_PORT
cluster.roles     ["web", "eu"]                   /app/casty.toml:4:9
actors."order.*"  { mailbox = { capacity = 5 } }  /app/casty.toml:5:9
`,
  );
});

Deno.test("config show --all has every key with its default, and --json is for programs", async () => {
  const all = await run("config show --all", undefined);
  assertStringIncludes(all.stdout, "file: none");
  assert(/^transport\.maxFrame +\d+ +default$/m.test(all.stdout));
  assert(/^cluster\.bindHost +`host` +default$/m.test(all.stdout));
  const { stdout } = await run("config show --json", toml);
  const { file, settings, actors } = JSON.parse(stdout);
  assertEquals(file, "/app/casty.toml");
  assertEquals(settings[0], {
    key: "cluster.name",
    value: "shop",
    from: "/app/casty.toml:2:8",
    source: "file",
  });
  assertEquals(actors, [{
    name: "order.*",
    settings: { mailbox: { capacity: 5 } },
    from: "/app/casty.toml:5:9",
  }]);
});

Deno.test("config check names each problem with its place, and ends with 1", async () => {
  assertEquals((await run("config check", toml)).stdout, "/app/casty.toml: ok\n");
  const bad = await run("config check", `cluster.port = "x"\ncluster.prot = 1`, {
    CASTY_CLUSTER_HOST: "a b",
  });
  assertEquals([bad.exitCode, bad.stdout], [1, ""]);
  const lines = bad.stderr.trim().split("\n");
  assertEquals(lines.map((line) => line.split(": ")[0]), [
    "/app/casty.toml:1:16",
    "/app/casty.toml:2:9",
    "CASTY_CLUSTER_HOST",
  ]);
});

Deno.test("a folder in place of the file is answered with what to name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { exitCode, stderr } = await runCli(["config", "check", "--config", folder], systemIo);
    assertEquals(exitCode, 1);
    assertStringIncludes(stderr, "; it is a folder: name the file in it\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("config is told what it does not know", async () => {
  const { exitCode, stderr } = await run("config shwo", toml);
  assertEquals(exitCode, 2);
  assertStringIncludes(stderr, "did you mean show?");
  assertEquals((await run("config", toml)).exitCode, 2);
  assertEquals((await run("config check --config /nowhere.toml", toml)).exitCode, 1);
});

Deno.test("a secret is shown neither in a table nor in a list", () => {
  const secret = text(0, 9, undefined, { secret: true });
  assertEquals(shown(secret, "hunter2"), { text: "(hidden)" });
  assertEquals(shown(list(secret), ["hunter2"]), { text: "(hidden)" });
  assertEquals(shown(text(0, 9), "public"), { value: "public" });
});

Deno.test("the reference sets nothing, and all defaults that it shows are accepted", async () => {
  const reference = configReference();
  assertEquals(
    await Deno.readTextFile(new URL("../../docs/casty.toml", import.meta.url)),
    reference,
    "run deno task docs:config",
  );
  assertEquals((await loadConfig(source(reference))).settings, []);
  // Those are `false` or a table whose keys are shown as well, and a table that needs two others.
  const set = reference.replaceAll(
    /^# (?!rememberEntities = |backoff\.)(\S+ = \S.*? {2}# CASTY_)/gm,
    "$1",
  );
  const { settings } = await loadConfig(source(set));
  assert(settings.length > 100, `${settings.length}`);
  const names = [...reference.matchAll(/# (CASTY_\w+)$/gm)].map(([, name]) => name);
  assert(names.length > settings.length && new Set(names).size === names.length);
});

Deno.test("values are written as TOML reads them", () => {
  for (const value of ['a"b\n', 5, true, Infinity, ["x", [1]], { "a b": { c: [1] } }, {}]) {
    const { read } = parse(`read = ${tomlText(value)}`);
    assertEquals(JSON.stringify(read), JSON.stringify(value));
  }
});

Deno.test("a command that asks a cluster names each problem of the file in a line", async () => {
  const bad = await run("status", `cluster.port = "x"\ncluster.prot = 1`);
  assertEquals([bad.exitCode, bad.stdout], [2, ""]);
  const places = bad.stderr.trim().split("\n").map((line) => line.split(": ")[0]);
  assertEquals(places, ["/app/casty.toml:1:16", "/app/casty.toml:2:9"]);
});

Deno.test("config check names the variable of a bad value once", async () => {
  const { stderr } = await run("config check", undefined, {
    CASTY_CLUSTER_PORT: "http",
    CASTY_CLUSTER_PROT: "1",
  });
  assertEquals(stderr.trim().split("\n"), [
    'CASTY_CLUSTER_PORT: "http" is not allowed; use a whole number from 0 to 65535',
    "CASTY_CLUSTER_PROT: there is no such option; did you mean CASTY_CLUSTER_PORT?",
  ]);
});
