import { connect, type Socket } from "node:net";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ByteIntake,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  isRequest,
} from "../../lib/cluster/stall/heartbeat_protocol.ts";
import { systemStallProbe } from "../../lib/cluster/stall/system_stall_probe.ts";
import type { IdentityMapping } from "../../lib/runtime/identity_mapping.ts";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import type { StallAnswer, StallResponder } from "../../lib/runtime/stall_probe.ts";
import { systemNetwork } from "../../lib/transport/system_network.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { opensslTest } from "../openssl.ts";
import { Certificates, type Pair, type Wanted } from "../transport/network/certificates.ts";
import { revocationList } from "../transport/network/revocation_lists.ts";

const host = "127.0.0.1";

function ask(port: number, tls?: TlsMaterial, incarnation = 7): Promise<StallAnswer> {
  const options = { host, port, serverName: host, incarnation, timeout: 5_000 };
  return systemStallProbe.ask(tls === undefined ? options : { ...options, tls });
}

async function serve(tls?: TlsMaterial): Promise<StallResponder & AsyncDisposable> {
  const options = { host, port: 0, incarnation: 7, onEnd: () => {} };
  const responder = await systemStallProbe.serve(tls === undefined ? options : { ...options, tls });
  return Object.assign(responder, { [Symbol.asyncDispose]: () => responder.close() });
}

/** Asks until the answer is as expected; the responder's own clock decides when. */
async function until(
  wanted: StallAnswer["outcome"],
  probe: () => Promise<StallAnswer>,
): Promise<StallAnswer> {
  for (;;) {
    const answer = await probe();
    if (answer.outcome === wanted) return answer;
    assert(answer.outcome === "alive" || answer.outcome === "stalled", answer.outcome);
  }
}

for (const secure of [false, true]) {
  const kind = secure ? "over mutual TLS" : "in plain";
  Deno.test(`an event loop without beats is stalled, one that beats again is alive, ${kind}`, async () => {
    await using certificates = await Certificates.create();
    const tls = secure ? await certificates.node() : undefined;
    await using responder = await serve(tls);
    const stalled = await until("stalled", () => ask(responder.port, tls));
    assert(stalled.ms >= 1_000 && stalled.ms < 60_000, String(stalled.ms));
    responder.beat();
    assertEquals((await until("alive", () => ask(responder.port, tls))).outcome, "alive");
    assertEquals(await ask(responder.port, tls, 6), { outcome: "gone", ms: 0 });
  });
}

Deno.test("a refused connection means that the node is gone", async () => {
  const responder = await serve();
  const { port } = responder;
  await responder.close();
  assertEquals(await ask(port), { outcome: "gone", ms: 0 });
});

Deno.test("with TLS, plain peers, clients and foreign peers are not answered", async () => {
  await using certificates = await Certificates.create();
  await using others = await Certificates.create();
  await using responder = await serve(await certificates.node());
  const nothing = { outcome: "unknown", ms: 0 };
  assertEquals(await ask(responder.port, undefined), nothing);
  assertEquals(await ask(responder.port, await certificates.client()), nothing);
  assertEquals(await ask(responder.port, await others.node()), nothing);
});

Deno.test("certificates that the option identity makes nodes are answered, clients are not", async () => {
  await using certificates = await Certificates.create();
  const node: Wanted = { name: "casty-1", uri: "spiffe://example.org/ns/prod/sa/casty" };
  const client: Wanted = { name: "till", uri: [], hosts: ["till.example"], usages: "clientAuth" };
  const patterns: IdentityMapping = {
    node: "spiffe://example.org/ns/*/sa/casty",
    client: "dns:*.example",
  };
  const decide: IdentityMapping = ({ uris }) => ({
    role: uris.length > 0 ? "node" : "client",
    name: "x",
    trustDomain: "shop",
  });
  for (const identity of [patterns, decide]) {
    await using responder = await serve({ ...await certificates.node(node), identity });
    const { port } = responder;
    const good = { ...await certificates.node(node), identity };
    responder.beat();
    assert(["alive", "stalled"].includes((await ask(port, good)).outcome), typeof identity);
    const till = { ...await certificates.node(client), identity };
    assertEquals((await ask(port, till)).outcome, "unknown", typeof identity);
  }
});

Deno.test("a responder that cannot bind its port fails with an error", async () => {
  await using first = await serve();
  const options = { host, port: first.port, incarnation: 1, onEnd: () => {} };
  const error = await assertRejects(() => systemStallProbe.serve(options), Error);
  assert(error.message.includes("another socket is bound to this port"), error.message);
});

Deno.test("a malformed request closes the connection", async () => {
  await using responder = await serve();
  const link = await systemNetwork.dial({
    host,
    port: responder.port,
    serverName: host,
    timeout: 5_000,
  });
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  link.onData = () => resolve(Promise.reject(new Error("it answered")));
  link.onClose = () => resolve();
  link.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), () => {});
  await closed;
  link.destroy();
});

Deno.test("requests and responses are decoded, malformed bytes are not", () => {
  assert(isRequest(encodeRequest()));
  assert(!isRequest(new Uint8Array(4)));
  const reading = { incarnation: 1_763_700_000_000, stalledFor: 12_345 };
  assertEquals(decodeResponse(encodeResponse(reading)), reading);
  assertEquals(
    decodeResponse(encodeResponse({ incarnation: 1, stalledFor: 1e12 }))?.stalledFor,
    2 ** 32 - 1,
  );
  assertEquals(decodeResponse(new Uint8Array(16)), undefined);
  assertEquals(decodeResponse(encodeResponse(reading).subarray(0, 15)), undefined);
});

Deno.test("requests arrive in any chunks, and excess bytes are rejected", () => {
  const intake = new ByteIntake(4);
  assertEquals(intake.take(new Uint8Array([1])), undefined);
  assertEquals(intake.take(new Uint8Array([2, 3])), undefined);
  assertEquals(intake.take(new Uint8Array([4])), new Uint8Array([1, 2, 3, 4]));
  assertEquals(intake.take(new Uint8Array([5])), false);
});

opensslTest("a revoked node is not answered, also one that is revoked later", async () => {
  await using certificates = await Certificates.create();
  const [own, bad, worse] = [
    await certificates.leaf({ name: "own" }),
    await certificates.leaf({ name: "bad" }),
    await certificates.leaf({ name: "worse" }),
  ];
  const crlFile = await revocationList(certificates, [bad]);
  const tls = await TlsConfig.fromPaths({
    certFile: await certificates.file(own.cert),
    keyFile: await certificates.file(own.key),
    caFile: await certificates.file(certificates.ca.cert),
    crlFile,
    watch: true,
    watchInterval: 100,
  });
  await using responder = await serve(tls);
  const as = (pair: Pair) => ask(responder.port, { ...pair, ca: certificates.ca.cert });
  const { outcome } = await as(own);
  assert(outcome === "alive" || outcome === "stalled", outcome);
  assertEquals((await as(bad)).outcome, "unknown");
  assert((await as(worse)).outcome !== "unknown");
  await Deno.copyFile(await revocationList(certificates, [bad, worse]), crlFile);
  while ((await as(worse)).outcome !== "unknown");
  assert((await as(own)).outcome !== "unknown");
});

Deno.test("silent connections keep no node from its answer", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using responder = await serve(tls);
  const silent: Socket[] = [];
  for (const localAddress of ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]) {
    for (let i = 0; i < 90; i++) {
      const socket = connect({ host, port: responder.port, localAddress } as never);
      socket.on("error", () => {});
      silent.push(socket);
    }
  }
  await Promise.all(silent.map((socket) => new Promise((done) => socket.once("connect", done))));
  for (let i = 0; i < 3; i++) assert((await ask(responder.port, tls)).outcome !== "unknown");
  for (const socket of silent) socket.destroy();
});
