import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { initWorkspace } from "../../lib/cert/authority/workspace_init.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { Workspace } from "./workspace.ts";

const states = (items: readonly { name: string; state: string }[]) =>
  Object.fromEntries(items.map(({ name, state }) => [name, state]));

Deno.test("init makes an authority, nodes and clients that a running node can use as they are", async () => {
  await using work = await Workspace.create();
  const items = await initWorkspace(work.path("certs"), { nodes: 3, clients: ["me"] });
  assertEquals(states(items), {
    "ca": "made",
    "node-1": "made",
    "node-2": "made",
    "node-3": "made",
    "me": "made",
  });
  for (const [folder, kind] of [["node-1", "node"], ["node-3", "node"], ["me", "client"]]) {
    const config = await TlsConfig.fromPaths({
      certFile: work.path(`certs/${folder}/${kind}.crt`),
      keyFile: work.path(`certs/${folder}/${kind}.key`),
      caFile: work.path(`certs/${folder}/ca.crt`),
    });
    assertEquals([config.kind, config.name], [kind, folder]);
  }
  const { names } = await readCertificate(
    await Deno.readTextFile(work.path("certs/node-2/node.crt")),
  );
  assertEquals(names, [
    "node-2",
    "localhost",
    "127.0.0.1",
    "::1",
    "spiffe://casty-ca/node/node-2",
  ]);
});

Deno.test({
  name: "the authority's key has a folder of its own that is closed to others",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using work = await Workspace.create();
    await initWorkspace(work.path("certs"));
    const mode = async (name: string) => (await Deno.stat(work.path(name))).mode! & 0o777;
    assertEquals(await mode("certs/ca"), 0o700);
    assertEquals(await mode("certs/ca/ca.key"), 0o600);
    assertEquals(await mode("certs/node-1/node.key"), 0o600);
    const files = Object.keys(await work.files("certs"));
    assertEquals(files.filter((file) => file.endsWith("/ca.key")), ["certs/ca/ca.key"]);
  },
});

Deno.test("a second run keeps every byte and adds what is missing", async () => {
  await using work = await Workspace.create();
  await initWorkspace(work.path("certs"), { nodes: 2, clients: ["me"] });
  const before = await work.files();
  const same = await initWorkspace(work.path("certs"), { nodes: 2, clients: ["me"] });
  assertEquals(new Set(same.map(({ state }) => state)), new Set(["kept"]));
  assertEquals(await work.files(), before);

  await Deno.remove(work.path("certs/node-1/ca.crt"));
  await Deno.remove(work.path("certs/node-2"), { recursive: true });
  const more = await initWorkspace(work.path("certs"), { nodes: 3, clients: ["me", "you"] });
  assertEquals(states(more), {
    "ca": "kept",
    "node-1": "kept",
    "node-2": "made",
    "node-3": "made",
    "me": "kept",
    "you": "made",
  });
  const after = await work.files();
  for (const file of Object.keys(before)) {
    if (!file.startsWith("certs/node-2")) assertEquals(after[file], before[file], file);
  }
});

Deno.test("what is there but cannot work is named with the remedy, and left as it is", async () => {
  await using work = await Workspace.create();
  await initWorkspace(work.path("certs"), { nodes: 3, clients: ["me"] });
  await initWorkspace(work.path("other"), { nodes: 1, clients: [] });
  await Deno.copyFile(work.path("other/node-1/node.crt"), work.path("certs/node-1/node.crt"));
  await Deno.remove(work.path("certs/node-2/node.key"));
  await Deno.writeTextFile(work.path("certs/node-3/node.crt"), "garbage");
  const before = await work.files();
  const items = await initWorkspace(work.path("certs"), { nodes: 3, clients: ["me"] });
  assertEquals(await work.files(), before);
  const problem = (name: string) => items.find((item) => item.name === name)!.problem ?? "none";
  assertStringIncludes(problem("node-1"), "not issued by this authority");
  assertStringIncludes(problem("node-2"), "node.key is missing");
  assertStringIncludes(problem("node-3"), "no readable PEM block");
  assertEquals(problem("me"), "none");
});

Deno.test("the authority's key may be kept elsewhere as long as nothing is to be issued", async () => {
  await using work = await Workspace.create();
  await initWorkspace(work.path("certs"), { nodes: 1 });
  await Deno.rename(work.path("certs/ca/ca.key"), work.path("safe.key"));
  const same = await initWorkspace(work.path("certs"), { nodes: 1 });
  assert(same.every(({ state }) => state === "kept"));
  const error = await assertRejects(
    () => initWorkspace(work.path("certs"), { nodes: 2 }),
    CertError,
  );
  assertEquals(error.code, "notFound");
});

Deno.test("numbers and names that cannot be are refused before anything is written", async () => {
  await using work = await Workspace.create();
  for (const nodes of [-1, 1.5, 1_001, NaN]) {
    await assertRejects(() => initWorkspace(work.path("certs"), { nodes }), CertError, "nodes");
  }
  for (const name of ["ca", "node-1", "../up", ".", "", "a/b", "x".repeat(65)]) {
    const error = await assertRejects(
      () => initWorkspace(work.path("certs"), { clients: [name] }),
      CertError,
    );
    assertEquals(error.code, "badName", name);
  }
  await assertRejects(
    () => initWorkspace(work.path("certs"), { hosts: ["a b"] }),
    CertError,
    "a b",
  );
  assertEquals(await work.files(), {});
});

Deno.test("a folder whose authority stands at its root is not given a second one", async () => {
  await using work = await Workspace.create();
  await work.ok("create-ca", "--out", "@certs");
  const before = await work.files();
  const error = await assertRejects(() => initWorkspace(work.path("certs")), CertError);
  assertEquals(error.code, "exists");
  assertEquals(await work.files(), before);
});

Deno.test("init --force never makes the key of an authority less protected than it was", async () => {
  await using work = await Workspace.create();
  const encrypted = async () =>
    (await Deno.readTextFile(work.path("w/ca/ca.key"))).includes("BEGIN ENCRYPTED PRIVATE KEY");
  const again = ["init", "--out", "@w", "--nodes", "0", "--force"];
  work.env.PW = "correct horse";
  await work.ok(...again, "--passphrase-env", "PW");
  const key = await Deno.readTextFile(work.path("w/ca/ca.key"));
  const { now } = Date;
  using stack = new DisposableStack();
  stack.defer(() => Date.now = now);
  Date.now = () => now() + 400 * 86_400_000;
  await work.refuses(/ca\.key has a passphrase, and none was given/, ...again);
  await work.ok(...again, "--passphrase-env", "PW");
  assert(await encrypted() && key !== await Deno.readTextFile(work.path("w/ca/ca.key")));
  // One that had none gets one, when it is asked for.
  await Deno.remove(work.path("w"), { recursive: true });
  await work.ok(...again);
  Date.now = () => now() + 800 * 86_400_000;
  await work.ok(...again, "--passphrase-env", "PW");
  assert(await encrypted());
});
