import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import { readConfigFile } from "../../lib/config/config_file.ts";
import { configSchema } from "../../lib/config/config_schema.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, root));

/** The text of each service of the compose file, by name. */
async function services(): Promise<Map<string, string>> {
  const text = await read("compose.yaml");
  const [, body = ""] = text.split(/^services:\n/m);
  const found = new Map<string, string>();
  for (const part of body.split(/^volumes:\n/m)[0]!.split(/^(?= {2}[a-z0-9-]+:\n)/m)) {
    const [, name] = /^ {2}([a-z0-9-]+):\n/.exec(part) ?? [];
    if (name !== undefined) found.set(name, part);
  }
  return found;
}

Deno.test("each container of a node has its own key only, and no more permissions than it needs", async () => {
  const all = await services();
  const nodes = [...all].filter(([name]) => name.startsWith("node-"));
  assertEquals(nodes.map(([name]) => name), ["node-1", "node-2", "node-3", "node-4", "node-5"]);
  for (const [name, service] of nodes) {
    assertEquals([...service.matchAll(/^ {6}- (\S+):\/\S+:ro$/gm)].map(([, from]) => from), [
      name,
    ]);
    assertEquals(service.match(/authority|user:|root/), null);
    assert(service.includes("--allow-read=/certs,/app/lib\n"), service);
    assertEquals(service.match(/- -A$|--allow-all|--allow-run|--allow-env/m), null);
  }
});

Deno.test("certificates of the containers are renewed", async () => {
  const all = await services();
  assert(/needs-renewal[^]*renew [^]*--ca-dir \/authority/.test(all.get("renewal")!));
  assert((await read("examples/tls_counter/node.ts")).includes("watch: true"));
});

Deno.test("the image runs as a user without rights", async () => {
  const lines = (await read("Dockerfile")).split("\n");
  const last = lines.filter((line) => /^(USER|RUN|COPY|CMD)/.test(line)).slice(-2);
  assert(last[0] === "USER deno" && last[1]!.startsWith("CMD"), last.join("\n"));
});

Deno.test("keys and development certificates are in no image and no commit", async () => {
  const ignored = (text: string) => text.split("\n");
  const docker = ignored(await read(".dockerignore"));
  for (const line of ["**/*.key", "**/dev-certs", "certs"]) assert(docker.includes(line), line);
  const git = ignored(await read(".gitignore"));
  for (const line of ["*.key", "dev-certs/", "/certs/"]) assert(git.includes(line), line);
});

Deno.test("compose.yaml can be read, and its Prometheus scrapes a port that each node serves", async () => {
  const compose = parse(await read("compose.yaml"), { merge: true });
  const { prometheus, ...others } = compose.services;
  assertEquals(prometheus.profiles, ["prometheus"]);
  // Only this machine reaches it.
  assertEquals(prometheus.ports, ["127.0.0.1:9090:9090"]);
  const [{ source, target }] = prometheus.configs;
  assertEquals(target, "/etc/prometheus/prometheus.yml");
  const config = parse(compose.configs[source].content);
  const { targets } = config.scrape_configs[0].static_configs[0];
  const nodes = Object.keys(others).filter((name) => name.startsWith("node-"));
  assertEquals(targets, nodes.map((name) => `${name}:9464`));
  for (const name of nodes) {
    const { command, ports, image } = others[name];
    assertEquals(image, "casty-example");
    assert(command.includes("--metrics-port=9464"), name);
    assertEquals(ports, undefined, "no port of a node is published");
  }
  if (!await isInstalled("/usr/bin/promtool")) return;
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.writeTextFile(file, compose.configs[source].content);
  const { success, stderr } = await new Deno.Command("/usr/bin/promtool", {
    args: ["check", "config", file],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  await Deno.remove(file);
});

Deno.test("the dashboard of compose.yaml has a key of its own, a token, and a port of this machine only", async () => {
  const compose = parse(await read("compose.yaml"), { merge: true });
  const { dashboard, certs } = compose.services;
  assertEquals(dashboard.profiles, ["dashboard"]);
  assertEquals(dashboard.ports, ["127.0.0.1:25580:25580"]);
  assertEquals(dashboard.volumes, ["dashboard:/certs:ro"]);
  assert("dashboard" in compose.volumes);
  assert(certs.volumes.includes("dashboard:/certs/dashboard"));
  const [{ source, target }] = dashboard.configs;
  assert(dashboard.command.includes(target));
  assert(dashboard.command.includes(`--allow-read=/certs,/app/lib,${target}`));
  assert(!dashboard.command.some((argument: string) => /-A|--allow-(all|run|env)/.test(argument)));
  assertEquals(
    readConfigFile(compose.configs[source].content, target, configSchema()).problems,
    [],
  );
  const entries = /deno install --entrypoint ([^&]+)&&/.exec(await read("Dockerfile"))![1]!;
  assert(entries.includes("examples/dashboard_node.ts"), entries);
  // The token is random: no file of ours has one.
  assertEquals(/token/i.test(JSON.stringify([dashboard, compose.configs])), false);
});

async function isInstalled(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    console.log(`  skipped in part: no ${path} (apt-get install prometheus)`);
    return false;
  }
}
