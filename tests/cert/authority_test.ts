import { assert, assertEquals, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import * as tls from "node:tls";
import { createCa, issueClient, issueNode } from "../../lib/cert/authority/authority.ts";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { CertError } from "../../lib/cert/errors.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, CertError);
  return error.code;
}

Deno.test("a node and a client connect to each other over mutual TLS", async () => {
  const ca = await createCa();
  const node = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
  const client = await issueClient(ca, { name: "reports" });
  const server = tls.createServer({
    cert: node.cert,
    key: node.key,
    ca: ca.cert,
    requestCert: true,
    rejectUnauthorized: true,
  }, (socket) => {
    const peer = socket.getPeerCertificate();
    socket.end(`${socket.authorized} ${peer.subject.CN}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = tls.connect({
    host: "127.0.0.1",
    port,
    servername: "localhost",
    cert: client.cert,
    key: client.key,
    ca: ca.cert,
  });
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => answer += chunk);
  await once(socket, "end");
  assertEquals(answer, "true reports");
  assert(socket.authorized);
  const closed = once(server, "close");
  socket.destroy();
  server.close();
  await closed;
});

Deno.test("the authority's name becomes the trust domain, in the letters that it allows", async () => {
  const ca = await createCa({ commonName: "Shop CA/1" });
  const node = await readCertificate((await issueNode(ca, { hosts: ["a"] })).cert);
  const client = await readCertificate((await issueClient(ca, { name: "c" })).cert);
  assertEquals(node.uris, ["spiffe://shop-ca-1/node/a"]);
  assertEquals(client.uris, ["spiffe://shop-ca-1/client/c"]);
});

Deno.test("a leaf never outlives its authority, and the error says when that ends", async () => {
  const ca = await createCa({ validityDays: 10 });
  const error = await assertRejects(
    () => issueNode(ca, { hosts: ["a"], validityDays: 11 }),
    CertError,
  );
  assertEquals(error.code, "beyondAuthority");
  const dates = error.message.match(/\d{4}-\d\d-\d\d/g) ?? [];
  assertEquals(dates.length, 2, error.message);
  assertEquals(dates[1], ca.notAfter.toISOString().slice(0, 10));
  assertEquals(
    await codeOf(issueClient(ca, { name: "c", validityDays: 11 })),
    "beyondAuthority",
  );
  const shorter = await issueNode(ca, { hosts: ["a"], validityDays: 9 });
  assert(shorter.notAfter < ca.notAfter);
});

Deno.test("days of validity are whole and within a hundred years", async () => {
  const ca = await createCa();
  for (const validityDays of [0, -1, 1.5, NaN, Infinity, 36_501]) {
    assertEquals(await codeOf(createCa({ validityDays })), "badValidity");
    assertEquals(await codeOf(issueNode(ca, { hosts: ["a"], validityDays })), "badValidity");
    assertEquals(await codeOf(issueClient(ca, { name: "c", validityDays })), "badValidity");
  }
});

Deno.test("names that cannot stand in a certificate are refused", async () => {
  const ca = await createCa();
  assertEquals(await codeOf(createCa({ commonName: "" })), "badName");
  assertEquals(await codeOf(createCa({ commonName: "x".repeat(65) })), "badName");
  assertEquals(await codeOf(issueNode(ca, { hosts: [] })), "badName");
  assertEquals(await codeOf(issueNode(ca, { hosts: ["a"], commonName: "a\0b" })), "badName");
  assertEquals(await codeOf(issueClient(ca, { name: "a/b" })), "badName");
});

Deno.test("a leaf cannot issue, nor can an authority with the key of another", async () => {
  const [ca, other] = [await createCa(), await createCa()];
  const leaf = await issueNode(ca, { hosts: ["a"] });
  assertEquals(await codeOf(issueNode(leaf, { hosts: ["b"] })), "notAnAuthority");
  const mixed = { cert: ca.cert, key: other.key };
  assertEquals(await codeOf(issueNode(mixed, { hosts: ["b"] })), "keyMismatch");
  assertEquals(await codeOf(issueNode({ cert: "", key: ca.key }, { hosts: ["b"] })), "malformed");
});

Deno.test("an authority of as many days as its leaf, or of fewer than the default, ends it", async () => {
  const ca = await createCa({ validityDays: 30 });
  assertEquals((await issueNode(ca, { hosts: ["a"] })).notAfter, ca.notAfter);
  assertEquals((await issueClient(ca, { name: "c" })).notAfter, ca.notAfter);
  const same = await issueNode(ca, { hosts: ["a"], validityDays: 30 });
  assert(same.notAfter <= ca.notAfter);
});

Deno.test("certificates reach beyond 2049, where dates change their type", async () => {
  const ca = await createCa({ validityDays: 36_500 });
  const node = await issueNode(ca, { hosts: ["a"], validityDays: 20_000 });
  for (const { cert, notAfter } of [ca, node]) {
    assert(notAfter.getUTCFullYear() >= 2050);
    assertEquals((await readCertificate(cert)).notAfter, notAfter);
    assertEquals(Date.parse(new X509Certificate(cert).validTo), notAfter.getTime());
  }
  assert(new X509Certificate(node.cert).verify(new X509Certificate(ca.cert).publicKey));
});
