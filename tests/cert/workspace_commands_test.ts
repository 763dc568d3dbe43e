import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

function run(work: Workspace, ...args: readonly string[]) {
  return work.cert(...args);
}

/** A command that must end with 0; answers its output. */
async function ok(work: Workspace, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(work, ...args);
  assertEquals([exitCode, stderr], [0, ""]);
  return stdout;
}

Deno.test("init says what was made, where, until when, and what to type next", async () => {
  await using work = await Workspace.create();
  const first = await ok(work, "init", "--out", "@certs/", "--nodes", "2", "--client", "me");
  const certs = work.path("certs");
  assertMatch(first, /^made {5}\S+\/certs\/ca {6}authority, until \d{4}-\d\d-\d\d$/m);
  assertMatch(first, /^made {5}\S+\/certs\/node-2 {2}node, until \d{4}-\d\d-\d\d$/m);
  assertMatch(first, /^made {5}\S+\/certs\/me {6}client, until/m);
  assertStringIncludes(first, `Keep ${certs}/ca/ca.key secret`);
  const next = `Next: deno run -A cert.ts doctor ${certs}/node-1 ${certs}/node-2 --host localhost`;
  assertStringIncludes(first, next);
  const second = await ok(work, "init", "--out", "@certs", "--nodes", "2", "--client", "me");
  assertEquals(second.match(/^kept/gm)?.length, 4);
  // And what it tells to type works.
  await ok(work, ...next.split(" ").slice(5));
});

Deno.test("init for programs, with further hosts and clients", async () => {
  await using work = await Workspace.create();
  const args = ["init", "--out", "@certs", "--nodes", "1", "--client", "a", "--client", "b"];
  const more = ["--host", "10.0.0.7", "--host", "node.example.com", "--json", "--cn", "shop"];
  const items = JSON.parse(await ok(work, ...args, ...more));
  assertEquals(items.map(({ name }: { name: string }) => name), ["ca", "node-1", "a", "b"]);
  const doctor = await ok(work, "doctor", "@certs/a", "@certs/node-1", "--host", "10.0.0.7");
  assertStringIncludes(
    doctor,
    "covers node-1, localhost, 127.0.0.1, ::1, 10.0.0.7, node.example.com\n",
  );
});

Deno.test("list and info find what init has made, in its folders", async () => {
  await using work = await Workspace.create();
  await ok(work, "init", "--out", "@certs", "--nodes", "10", "--client", "me");
  await Deno.mkdir(work.path("certs/.git"));
  await Deno.copyFile(work.path("certs/ca/ca.crt"), work.path("certs/.git/hidden.crt"));
  const listed = (await ok(work, "list", "@certs")).split("\n").map((line) => line.split(" ")[0]);
  assertEquals(listed.slice(0, 6), [
    "ca/ca.crt",
    "me/ca.crt",
    "me/client.crt",
    "node-1/ca.crt",
    "node-1/node.crt",
    "node-2/ca.crt",
  ]);
  assertEquals(listed.filter((file) => file !== "").length, 23);
  const json = JSON.parse(await ok(work, "info", "@certs", "--json")) as { file: string }[];
  assert(json.some(({ file }) => file.endsWith("certs/node-10/node.crt")));
  assert(!json.some(({ file }) => file.includes(".git")));
});

Deno.test("the revocation options of doctor exclude each other, and go with two folders", async () => {
  await using work = await Workspace.create();
  await ok(work, "init", "--out", "@certs", "--nodes", "2");
  const pair = ["doctor", "@certs/node-1", "@certs/node-2"];
  await ok(work, ...pair, "--crl-optional");
  const both = await run(work, ...pair, "--crl-optional", "--crl-required");
  assertEquals(both.exitCode, 2);
  assertStringIncludes(both.stderr, "--crl-required and --crl-optional exclude each other");
  const live = await run(work, "doctor", "@certs/node-1", "--connect", "a:1", "--crl-optional");
  assertStringIncludes(live.stderr, "--crl-optional goes with two folders");
});

Deno.test("init exits with 1 when an existing file is unusable", async () => {
  await using work = await Workspace.create();
  await ok(work, "init", "--out", "@certs", "--nodes", "1");
  await Deno.remove(work.path("certs/node-1/node.key"));
  const { exitCode, stdout } = await run(work, "init", "--out", "@certs", "--nodes", "1");
  assertEquals(exitCode, 1);
  assertMatch(stdout, /^broken .*\n +\S+node\.key is missing; init --force makes it anew$/m);
});

Deno.test("each phase of rotate-ca prints what to bring where, and the next command", async () => {
  await using work = await Workspace.create();
  await ok(work, "init", "--out", "@certs", "--nodes", "2", "--client", "me");
  const certs = work.path("certs");
  assertStringIncludes(await ok(work, "rotate-ca", "status", "@certs"), "Phase: idle");
  const begun = await ok(work, "rotate-ca", "begin", "@certs");
  assertStringIncludes(begun, `     ${certs}/node-2: ca.crt\n`);
  assertStringIncludes(begun, `Next: deno run -A cert.ts rotate-ca sign ${certs}\n`);
  assertStringIncludes(await ok(work, "rotate-ca", "status", "@certs"), "Phase: begun");
  const signed = await ok(work, "rotate-ca", "sign", "@certs");
  assertStringIncludes(signed, `     ${certs}/me: client.crt, client.key\n`);
  assertStringIncludes(signed, `Next: deno run -A cert.ts rotate-ca finish ${certs}\n`);
  const again = await ok(work, "rotate-ca", "sign", "@certs");
  assertStringIncludes(again, "Nothing was to be done.");
  const status = await ok(work, "rotate-ca", "status", "@certs");
  assertStringIncludes(
    status,
    "node-1/node.crt  issued by the new one, trusts the new one and the old one",
  );
  const json = JSON.parse(await ok(work, "rotate-ca", "finish", "@certs", "--json"));
  assertEquals([json.phase, json.other], ["idle", undefined]);
  const early = await run(work, "rotate-ca", "sign", "@certs");
  assertEquals([early.exitCode, early.stdout], [1, ""]);
  assertStringIncludes(early.stderr, "no rotation has begun; start with rotate-ca begin");
});

Deno.test("with --dry-run nothing is written, and what is said comes true", async () => {
  await using work = await Workspace.create();
  const init = ["init", "--out", "@certs", "--nodes", "1"];
  const plan = await ok(work, ...init, "--dry-run");
  assertEquals(plan.match(/^missing/gm)?.length, 3);
  assertEquals(await work.files(), {});
  await ok(work, ...init);
  for (const phase of ["begin", "sign", "finish"]) {
    const files = await work.files();
    const said = await ok(work, "rotate-ca", phase, "@certs", "--dry-run");
    assertEquals(await work.files(), files);
    const done = await ok(work, "rotate-ca", phase, "@certs");
    const of = (text: string, verb: string) =>
      [...text.matchAll(new RegExp(`^${verb}: (.*)$`, "gm"))].map(([, file]) => file).sort();
    assert(of(done, "Written").length > 0, done);
    assertEquals(of(said, "Would write"), of(done, "Written"));
  }
});

Deno.test("the validity of the next authority can be chosen", async () => {
  await using work = await Workspace.create();
  await ok(work, "init", "--out", "@certs", "--nodes", "1");
  await ok(work, "rotate-ca", "begin", "@certs", "--validity", "30");
  assertStringIncludes(await work.ok("info", "@certs/ca/next/ca.crt"), "(29 days remaining)");
  // The leaves must not outlive it.
  await ok(work, "rotate-ca", "sign", "@certs");
  assertStringIncludes(await work.ok("info", "@certs/node-1/node.crt"), "(29 days remaining)");
});

Deno.test("doctor ends with 0 or 1, for people and for programs", async () => {
  await using work = await Workspace.create();
  await ok(work, "init", "--out", "@certs", "--nodes", "2");
  const fine = await ok(work, "doctor", "@certs/node-1/", "@certs/node-2", "--own-host", "::1");
  assertStringIncludes(fine, "They accept each other.");
  const pair = ["doctor", "@certs/node-1", "@certs/node-2", "--host", "10.1.1.1"];
  const { exitCode, stdout } = await run(work, ...pair);
  assertEquals(exitCode, 1);
  assertMatch(stdout, /^1\. ERROR \(B\) {2}.*10\.1\.1\.1/m);
  assertMatch(stdout, /^ {3}why {5}.+\n {3}remedy {2}deno run -A cert\.ts create-node /m);
  assertStringIncludes(stdout, "They do not connect. 1 finding.");
  const json = JSON.parse((await run(work, ...pair, "--json")).stdout);
  assertEquals([json.verdict, json.findings[0].code], ["refused", "wrongHost"]);
});

Deno.test("doctor --connect takes host and port in every spelling", async () => {
  await using work = await Workspace.create();
  await ok(work, "init", "--out", "@certs", "--nodes", "1");
  for (const address of ["127.0.0.1:1", "localhost:1", "[::1]:1"]) {
    const { exitCode, stdout } = await run(work, "doctor", "@certs/node-1", "--connect", address);
    assertEquals(exitCode, 1);
    assertMatch(stdout, /1\. ERROR \(A\) {2}\S+:1 cannot be reached/);
  }
  const named = ["--connect", "127.0.0.1:1", "--server-name", "node-9", "--timeout", "1000"];
  assertEquals((await run(work, "doctor", "@certs/node-1", ...named)).exitCode, 1);
});

const wrong: readonly (readonly [string, string])[] = [
  ["init", "--out is missing"],
  ["init --out= --nodes 1", "--out needs a value"],
  ["init --out @c --nodes three", "--nodes three is not a whole number"],
  ["init --out @c extra", "expected no argument, got 1 argument"],
  ["init --out @c --client=", "--client needs a value"],
  ["init --uot @c", "unknown option: --uot; did you mean --out?"],
  ["create-nod a", "unknown command: create-nod; did you mean create-node?"],
  ["rotate-ca", "expected begin, sign, finish or status"],
  ["rotate-ca undo @c", "unknown phase: undo"],
  ["rotate-ca sign @c --validity 9", "--validity goes with begin"],
  ["rotate-ca sign @c --key-type p384", "--key-type goes with begin"],
  ["rotate-ca finish @c --encrypt", "--encrypt goes with begin"],
  ["doctor @c", "expected two folders"],
  ["doctor @c @d @e", "expected two folders"],
  ["doctor @c @d --connect a:1", "expected one folder"],
  ["doctor @c --connect a", "--connect a is not HOST:PORT"],
  ["doctor @c --connect ::1:80", "--connect ::1:80 is not HOST:PORT"],
  ["doctor @c --connect a:0", "--connect a:0 is not HOST:PORT"],
  ["doctor @c --connect a:65536", "--connect a:65536 is not HOST:PORT"],
  ["doctor @c --connect a:1 --timeout 0", "--timeout 0 is not from 1"],
  ["doctor @c --connect a:1 --host b", "--host goes with two folders"],
  ["doctor @c @d --server-name b", "--server-name goes with --connect"],
];

Deno.test("wrong use ends with 2, one line and the usage, and writes nothing", async () => {
  await using work = await Workspace.create();
  for (const [line, problem] of wrong) {
    const { exitCode, stdout, stderr } = await run(work, ...line.split(" "));
    assertEquals([exitCode, stdout], [2, ""], line);
    assert(stderr.startsWith(problem), `${line}: ${stderr}`);
    assertStringIncludes(stderr, "\n\nExamples:\n".slice(1));
  }
  assertEquals(await work.files(), {});
});

Deno.test("what cannot be done ends with 1 and one line", async () => {
  await using work = await Workspace.create();
  await work.write("file", "");
  for (
    const line of [
      "init --out @file",
      "init --out @c --nodes 5000",
      "init --out @c --validity 0",
      "init --out @c --host a_b.",
      "rotate-ca begin @nowhere",
      "rotate-ca status @file",
      "doctor @nowhere @file",
      "doctor @file @file",
    ]
  ) {
    const { exitCode, stdout, stderr } = await run(work, ...line.split(" "));
    assertEquals([exitCode, stdout], [1, ""], line);
    assertMatch(stderr, /^[^\n]{10,}\n$/, line);
  }
});

Deno.test("help shows examples first, and documents the exit codes", async () => {
  await using work = await Workspace.create();
  for (const name of ["init", "rotate-ca", "doctor"]) {
    for (const flag of ["--help", "-h"]) {
      const help = await ok(work, name, "@x", flag);
      assertMatch(help, /^[^\n]+\n\nExamples:\n {2}deno run -A cert\.ts /);
      assertStringIncludes(help, "Exit codes: 0 ");
      for (const line of help.split("\n")) assert(line.length <= 100, line);
    }
  }
});

Deno.test("init --force replaces unusable files and keeps the others", async () => {
  await using work = await Workspace.create();
  const init = ["init", "--out", "@certs", "--nodes", "3", "--client", "me"];
  await work.ok(...init);
  await work.ok("init", "--out", "@other", "--nodes", "1");
  await Deno.remove(work.path("certs/node-1/node.key"));
  await Deno.copyFile(work.path("other/node-1/node.crt"), work.path("certs/node-2/node.crt"));
  const before = await work.files();
  const states = (text: string) => text.match(/^(made|kept|broken|missing)/gm)!.join(" ");
  assertEquals(states((await work.cert(...init)).stdout), "kept broken broken kept kept");
  assertEquals(states(await work.dry(...init, "--force")), "kept missing missing kept kept");
  assertEquals(await work.files(), before);
  assertEquals(states(await work.ok(...init, "--force")), "kept made made kept kept");
  const after = await work.files();
  assertEquals(after["certs/node-3/node.crt"], before["certs/node-3/node.crt"]);
  for (const [a, b] of [["node-1", "node-2"], ["me", "node-1"], ["node-3", "node-2"]]) {
    await work.ok("doctor", `@certs/${a}`, `@certs/${b}`, "--host", "localhost");
  }
});

opensslTest("init --force makes a whole set anew when its authority has expired", async () => {
  await using work = await Workspace.create();
  const init = ["init", "--out", "@certs", "--nodes", "1", "--client", "me"];
  await work.ok(...init);
  await work.write("ca.cnf", "basicConstraints=critical,CA:TRUE\n");
  const subject = ["-key", "@certs/ca/ca.key", "-subj", "/CN=casty-ca", "-out", "@ca.csr"];
  await work.openssl("req", "-new", ...subject);
  const expired = ["-signkey", "@certs/ca/ca.key", "-days", "-1", "-extfile", "@ca.cnf"];
  const args = ["x509", "-req", "-in", "@ca.csr", ...expired, "-out", "@certs/ca/ca.crt"];
  const { success, text } = await work.openssl(...args);
  assert(success, text);
  const { exitCode, stdout } = await work.cert(...init);
  assertEquals(exitCode, 1);
  assertStringIncludes(stdout, "it has expired; init --force makes the whole set anew");
  await work.dry(...init, "--force");
  assertEquals((await work.ok(...init, "--force")).match(/^made/gm)?.length, 3);
  await work.ok("doctor", "@certs/me", "@certs/node-1", "--host", "localhost");
});

Deno.test("a set whose authority has a passphrase is made, extended, rotated and revoked in", async () => {
  await using work = await Workspace.create();
  const init = ["init", "--out", "@certs", "--client", "me", "--nodes"];
  work.typed = ["s3cret", "s3cret"];
  await work.ok(...init, "1", "--encrypt");
  const isEncrypted = async (file: string) =>
    (await Deno.readTextFile(work.path(file))).startsWith("-----BEGIN ENCRYPTED");
  assert(await isEncrypted("certs/ca/ca.key"));
  assert(!await isEncrypted("certs/node-1/node.key"));
  work.typed = undefined;
  work.env["S"] = "wrong";
  const secret = ["--passphrase-env", "S"];
  await work.refuses(/passphrase does not open/, ...init, "2", ...secret);
  await work.refuses(/passphrase, and none was given/, ...init, "2");
  await work.refuses(/passphrase does not open/, "rotate-ca", "begin", "@certs", ...secret);
  await work.refuses(/passphrase, and none was given/, "rotate-ca", "begin", "@certs");
  work.env["S"] = "s3cret";
  await work.ok(...init, "2", ...secret);
  for (const phase of ["begin", "sign", "finish"]) {
    if (phase === "sign") {
      await work.refuses(/passphrase, and none was given/, "rotate-ca", "sign", "@certs");
    }
    await work.ok("rotate-ca", phase, "@certs", ...secret);
  }
  assert(await isEncrypted("certs/ca/ca.key"));
  await work.ok("revoke", "@certs/me/client.crt", "--ca-dir", "@certs/ca", ...secret);
  const { stdout } = await work.cert("doctor", "@certs/me", "@certs/node-1", "--json");
  assertEquals(JSON.parse(stdout).verdict, "refused");
});

Deno.test("a rotation can encrypt the key of the next authority", async () => {
  await using work = await Workspace.create();
  await work.ok("init", "--out", "@certs", "--nodes", "1");
  work.typed = ["s3cret", "s3cret"];
  const begin = ["rotate-ca", "begin", "@certs", "--encrypt"];
  await work.dry(...begin);
  assertEquals(work.asked, []);
  await work.ok(...begin);
  const next = await Deno.readTextFile(work.path("certs/ca/next/ca.key"));
  assert(next.startsWith("-----BEGIN ENCRYPTED"));
  work.typed.push("s3cret");
  await work.ok("rotate-ca", "sign", "@certs");
  await work.ok("rotate-ca", "finish", "@certs");
});

Deno.test("rotate-ca and init for programs, as dry runs as well", async () => {
  await using work = await Workspace.create();
  const init = ["init", "--out", "@certs", "--nodes", "1"];
  const planned = JSON.parse(await work.dry(...init, "--json"));
  assertEquals(planned.map(({ state }: { state: string }) => state), Array(3).fill("missing"));
  const made = await work.json(...init);
  assertEquals(made.map(({ state }: { state: string }) => state), Array(3).fill("made"));
  assertMatch(made[0].notAfter, /^\d{4}-\d\d-\d\dT/);
  for (const [phase, after] of [["begin", "begun"], ["sign", "signed"], ["finish", "idle"]]) {
    const said = JSON.parse(await work.dry("rotate-ca", phase!, "@certs", "--json"));
    const done = await work.json("rotate-ca", phase!, "@certs");
    assertEquals([said.phase, done.phase], [after, after]);
    assertEquals(said.written.toSorted(), done.written.toSorted());
    assertEquals((await work.json("rotate-ca", "status", "@certs")).phase, after);
  }
});
