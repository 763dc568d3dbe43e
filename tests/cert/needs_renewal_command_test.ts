import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createCa, issueNode } from "../../lib/cert/authority/authority.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { needsRenewal } from "../../lib/cert/authority/renewal.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

const day = 86_400_000;

async function filled(): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca");
  await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@a", "--validity", "10d");
  return work;
}

async function ends(work: Workspace, code: number, ...more: readonly string[]): Promise<string> {
  const before = await work.files();
  const { exitCode, stdout, stderr } = await work.cert("needs-renewal", ...more);
  assertEquals(exitCode, code, stdout + stderr);
  if (code < 2) assertEquals(stderr, "");
  else assertMatch(stderr, /^[^\n]+\n(\n[^]+)?$/);
  assertEquals(stdout === "", code >= 2);
  assertEquals(await work.files(), before);
  return stdout + stderr;
}

Deno.test("needs-renewal ends with 0 when it is time, and with 1 when not", async () => {
  await using work = await filled();
  assertMatch(await ends(work, 1, "@a/node.crt"), /node\.crt is not due before \d{4}-/);
  assertMatch(
    await ends(work, 0, "@a/node.crt", "--expires-in", "11d"),
    /node\.crt is to be renewed: it was due on .* and expires on .* UTC/,
  );
  await ends(work, 0, "@a/node.crt", "--expires-in", "241h");
  await ends(work, 1, "@a/node.crt", "--expires-in", "239h");
  await ends(work, 1, "@a/node.crt", "--expires-in", "1%");
  await ends(work, 1, "@a/node.crt", "--expires-in", "100%");
  await ends(work, 1, "@a/node.crt", "--expires-in", "5");
  work.stdin = await Deno.readTextFile(work.path("a/node.crt"));
  await ends(work, 1, "-");
});

Deno.test("needs-renewal for programs says when", async () => {
  await using work = await filled();
  const { stdout } = await work.cert("needs-renewal", "@a/node.crt", "--json");
  const { needed, dueAt, notAfter } = JSON.parse(stdout);
  assertEquals(needed, false);
  const left = Date.parse(notAfter) - Date.parse(dueAt);
  assertEquals(Math.round(10 * left / day) / 10, 3.4);
});

Deno.test("needs-renewal ends with 2 when there is no such file, and with 255 for all else", async () => {
  await using work = await filled();
  await work.write("garbage", "garbage\n");
  assertMatch(await ends(work, 2, "@none.crt"), /certificate not found: .*none\.crt/);
  assertMatch(await ends(work, 255, "@garbage"), /garbage: there is no readable PEM block/);
  assertMatch(await ends(work, 255, "@a"), /directory/);
  assertMatch(await ends(work, 255, "@a/node.crt", "--expires-in", "101%"), /101% of a cert/);
  assertMatch(await ends(work, 255, "@a/node.crt", "--expires-in", "0%"), /0% of a certificate/);
  assertMatch(await ends(work, 255, "@a/node.crt", "--expires-in", "soon"), /soon is neither/);
  assertMatch(await ends(work, 255, "@a/node.crt", "--expires-in=-3d"), /of -3 days is not/);
  assertMatch(await ends(work, 255, "@a/node.crt", "--when", "3d"), /unknown option: --when/);
  assertMatch(await ends(work, 255), /expected one file/);
});

opensslTest("needs-renewal and openssl agree about a time before expiry", async () => {
  await using work = await filled();
  for (const hours of [1, 239, 241, 1_000]) {
    const { exitCode } = await work.cert(
      ...["needs-renewal", "@a/node.crt", "--expires-in", `${hours}h`],
    );
    const checkend = ["-noout", "-checkend", String(hours * 3_600)];
    const { success } = await work.openssl("x509", "-in", "@a/node.crt", ...checkend);
    assertEquals(exitCode === 1, success, `${hours} h`);
  }
});

Deno.test("a certificate is due when two thirds of its validity are over, by default", async () => {
  const { cert } = await issueNode(await createCa(), { hosts: ["a"], validity: "100d" });
  const at = async (days: number, expiresIn?: string) => {
    const now = new Date(Date.now() + days * day);
    return (await needsRenewal(cert, { now, ...(expiresIn !== undefined && { expiresIn }) }))
      .needed;
  };
  assertEquals([await at(65), await at(67)], [false, true]);
  assertEquals([await at(74, "75%"), await at(76, "75%")], [false, true]);
  assertEquals([await at(89, "10d"), await at(91, "10d")], [false, true]);
  assertEquals([await at(99, "100%"), await at(101, "100%")], [false, true]);
  assertEquals(await at(101, "1m"), true);
  for (const expiresIn of ["", "0%", "x", "-1d", "1000%"]) {
    const error = await assertRejects(() => needsRenewal(cert, { expiresIn }), CertError);
    assertEquals(error.code, "badValidity", expiresIn);
  }
  const none = await assertRejects(() => needsRenewal("no PEM"), CertError);
  assertEquals(none.code, "malformed");
});
