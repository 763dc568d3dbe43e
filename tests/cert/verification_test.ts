import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createCa, issueClient, issueNode } from "../../lib/cert/authority/authority.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { revoke } from "../../lib/cert/authority/revocation.ts";
import { verify, type VerifyOptions } from "../../lib/cert/authority/verification.ts";

const day = 86_400_000;

async function rules(cert: string, options: VerifyOptions): Promise<string[]> {
  const { ok, failures } = await verify(cert, options);
  assertEquals(ok, failures.length === 0);
  for (const { problem } of failures) assertMatch(problem, /^[^\n]{10,}$/);
  return failures.map(({ rule }) => rule);
}

Deno.test("validity is judged at the time that is asked for", async () => {
  const ca = await createCa({ validity: "200d" });
  const { cert } = await issueNode(ca, { hosts: ["a"] });
  const at = (days: number) => ({ ca: ca.cert, now: new Date(Date.now() + days * day) });
  assertEquals(await rules(cert, at(0)), []);
  assertEquals(await rules(cert, at(-1)), ["chain", "validity"]);
  assertEquals(await rules(cert, at(91)), ["validity"]);
  assertEquals(await rules(cert, at(201)), ["chain", "validity"]);
});

Deno.test("a list must be of the authority and in time, or it is not relied on", async () => {
  const [ca, other] = [await createCa(), await createCa()];
  const { cert } = await issueClient(ca, { name: "shop" });
  const { crl } = await revoke(ca, { serials: ["7"] });
  assertEquals(await rules(cert, { ca: ca.cert, crl }), []);
  const late = new Date(Date.now() + 31 * day);
  assertEquals(await rules(cert, { ca: ca.cert, crl, now: late }), ["revocation"]);
  const foreign = (await revoke(other)).crl;
  assertEquals(await rules(cert, { ca: ca.cert, crl: foreign }), ["revocation"]);
  const revoked = (await revoke(ca, { certificates: [cert], crl })).crl;
  assertEquals(await rules(cert, { ca: ca.cert, crl: revoked }), ["revocation"]);
  // During a rotation several lists stand in one text.
  assertEquals(await rules(cert, { ca: ca.cert, crl: foreign + revoked }), ["revocation"]);
  assertEquals(await rules(cert, { ca: ca.cert, crl: foreign + crl }), []);
});

Deno.test("of several authorities one has to be the issuer", async () => {
  const [ca, other] = [await createCa(), await createCa()];
  const { cert } = await issueClient(ca, { name: "shop" });
  assertEquals(await rules(cert, { ca: other.cert + ca.cert }), []);
  assertEquals(await rules(cert, { ca: other.cert }), ["chain"]);
});

Deno.test("what there is nothing to verify with is an error", async () => {
  const ca = await createCa();
  const { cert } = await issueClient(ca, { name: "shop" });
  for (
    const [text, options, code] of [
      ["no PEM", { ca: ca.cert }, "malformed"],
      [cert, { ca: "no PEM" }, "malformed"],
      [cert, { ca: ca.cert, crl: "no PEM" }, "malformed"],
      [cert, { ca: ca.cert, key: "no PEM" }, "malformed"],
      [cert, { ca: ca.cert, host: "a b" }, "badName"],
      [cert.repeat(101), { ca: ca.cert }, "malformed"],
    ] as const
  ) {
    const error = await assertRejects(() => verify(text, options), CertError);
    assertEquals(error.code, code);
  }
});
