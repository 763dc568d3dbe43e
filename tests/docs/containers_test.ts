import { assert, assertEquals } from "@std/assert";

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
