import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createCa, issueNode } from "../../lib/cert/authority/authority.ts";
import { loadCa, writePair } from "../../lib/cert/authority/certificate_files.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { Workspace } from "./workspace.ts";

Deno.test("when one file of a pair cannot be replaced, the other stays as it was", async () => {
  await using work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca");
  const key = await Deno.readTextFile(work.path("ca/ca.key"));
  await Deno.remove(work.path("ca/ca.crt"));
  await Deno.mkdir(work.path("ca/ca.crt"));
  const { exitCode, stderr } = await work.cert("create-ca", "--out", "@ca", "--force");
  assertEquals(exitCode, 1);
  assertStringIncludes(stderr, "cannot be written");
  assertEquals(await work.files("ca"), { "ca/ca.crt": "", "ca/ca.key": key });
});

Deno.test("of runs that write the same pair at once, one wins and no pair is mixed", async () => {
  await using work = await Workspace.create();
  const runs = await Promise.allSettled(
    Array.from({ length: 8 }, async () => writePair(work.path("ca"), "ca", await createCa())),
  );
  assertEquals(runs.filter(({ status }) => status === "fulfilled").length, 1);
  for (const run of runs) {
    if (run.status === "rejected") assertEquals((run.reason as CertError).code, "exists");
  }
  assertEquals(Object.keys(await work.files("ca")).sort(), ["ca/ca.crt", "ca/ca.key"]);
  // A mixed pair could not issue.
  await issueNode(await loadCa(work.path("ca")), { hosts: ["a"] });
});

Deno.test({
  name: "a file that never ends is not read to its end",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using work = await Workspace.create();
    const { exitCode, stderr } = await work.cert("info", "/dev/zero");
    assertEquals(exitCode, 1);
    assertStringIncludes(stderr, "larger than");
    await Deno.mkdir(work.path("ca"));
    await Deno.symlink("/dev/zero", work.path("ca/ca.crt"));
    await assertRejects(() => loadCa(work.path("ca")), CertError);
    assertStringIncludes(await work.ok("list", "@ca"), "unreadable");
  },
});
