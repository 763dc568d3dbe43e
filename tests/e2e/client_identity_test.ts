/** Who may be a client, how many, and what that looks like from outside. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Behaviors,
  ClusteredActorSystem,
  silentLogger,
  TlsConfig,
  type TlsReloaded,
} from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";
import { testCa } from "@casty/casty/cert";
import { ClientError, type ClientStateChanged, ClusterClient } from "@casty/casty/client";
import { opensslTest } from "../openssl.ts";
import { Certificates, longAgo } from "../transport/network/certificates.ts";
import { ClientCluster, until, within } from "./client_cluster.ts";
import { type CounterMessage, counters, echoKey, get } from "./client_node.ts";

Deno.test({
  name: "a client opens no port: it talks to two nodes, runs actors, and listens nowhere",
  // Looks into /proc.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using cluster = await ClientCluster.start(2);
    // In a process of its own: other tests of this one may listen meanwhile.
    const { cert, key, ca } = (await cluster.ca.issueClient()).tls;
    const contactPoints = await cluster.addresses();
    const script = new URL("./listening_child.ts", import.meta.url).pathname;
    const settings = JSON.stringify({ contactPoints, tls: { cert, key, ca } });
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, settings],
      stderr: "inherit",
    }).output();
    assertEquals(code, 0);
    const { control, from, listening } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(control, 1, "a socket that listens is found");
    assert(contactPoints.includes(from));
    assertEquals(listening, []);
  },
});

Deno.test("twenty clients on one host with the same label get their own replies", async () => {
  await using cluster = await ClientCluster.start(2);
  const tls = await cluster.clientTls();
  const clients = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      cluster.connect({
        tls,
        // The labels of some are the same, and lead nowhere.
        ...(n % 2 === 0 && { advertisedHost: "203.0.113.9", advertisedPort: 9_999 }),
      })),
  );
  const values = await Promise.all(clients.map(async (client, n) => {
    const ref = client.entityRef<CounterMessage>(counters.name, { numShards: counters.numShards });
    const id = `of-${n}`;
    for (let i = 0; i <= n; i++) {
      ref.tell({ type: "shardEnvelope", entityId: id, message: { type: "add", amount: 1 } });
    }
    return await Promise.all(
      Array.from({ length: 10 }, () => client.ask(ref, get(id), { retry: true, timeout: 60_000 })),
    );
  }));
  assertEquals(values, clients.map((_, n) => Array(10).fill(n + 1)));
  assertEquals(new Set(clients.map(({ address }) => address)).size, 20);
});

opensslTest(
  "a client whose certificate is refused is told so in time, and the cluster goes on",
  async () => {
    const ca = await testCa();
    const revoked = await ca.issueClient("revoked");
    const folder = await Deno.makeTempDir();
    const crlFile = `${folder}/ca.crl`;
    await Deno.writeTextFile(crlFile, await ca.revoke(revoked));
    {
      await using cluster = await ClientCluster.start(1, ca, { crlFile });
      const [contact] = await cluster.addresses();
      const stranger = await testCa();
      await using certificates = await Certificates.create();
      const expired = await certificates.client({ validity: longAgo, issuer: ca });
      const cases: Record<string, TlsMaterial | undefined> = {
        revoked: revoked.tls,
        "of another authority": { ...(await stranger.issueClient()).tls, ca: ca.cert },
        "whose cluster is of another authority": (await stranger.issueClient()).tls,
        expired: { ...expired, ca: ca.cert },
        none: undefined,
      };
      for (const [what, tls] of Object.entries(cases)) {
        const connecting = ClusterClient.connect({
          contactPoints: [contact!],
          systemName: "client-test",
          connectTimeout: 20_000,
          logger: silentLogger,
          ...(tls && { tls }),
        });
        const error = await within(5_000, assertRejects(() => connecting, ClientError), what);
        // Each is definite, so that the client does not wait for its timeout.
        assertEquals(error.code, "contactsUnusable", what);
        assert(error.message.includes(`${contact}: `), `${what}: ${error.message}`);
        assert(!error.message.includes(`${contact}: no answer`), `${what}: ${error.message}`);
        // Both authorities have one name, so that it is not the name that gives the stranger away.
        if (what.startsWith("whose cluster")) assert(/another authority/.test(error.message));
      }
      const wrongName = ClusterClient.connect({
        contactPoints: [contact!],
        systemName: "another",
        connectTimeout: 20_000,
        logger: silentLogger,
        tls: await cluster.clientTls(),
      });
      const { message } = await assertRejects(() => wrongName, ClientError);
      assert(/belongs to the system "client-test", and this client to "another"/.test(message));
      const client = await cluster.connect();
      assertEquals(client.state, "connected");
    }
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test("the certificate of a client makes no node", async () => {
  await using cluster = await ClientCluster.start(1);
  const [seed] = await cluster.addresses();
  const starting = ClusteredActorSystem.start({
    name: "client-test",
    host: "127.0.0.1",
    port: 0,
    seedNodes: [seed!],
    requiredQuorum: 2,
    startTimeout: 2_000,
    logger: silentLogger,
    tls: await cluster.clientTls(),
  });
  const error = await within(10_000, assertRejects(() => starting), "the node hangs");
  assert(error instanceof Error && !error.message.includes("\n"), String(error));
  const client = await cluster.connect();
  assertEquals(client.topology.members.length, 1);
});

Deno.test("a contact point may be a DNS name, and new certificate files are taken over with an event", async () => {
  await using cluster = await ClientCluster.start(1);
  const [address] = await cluster.addresses();
  await using files = await (await cluster.ca.issueClient()).files();
  const { certFile, keyFile, caFile } = files;
  const client = await cluster.connect({
    contactPoints: [address!.replace("127.0.0.1", "localhost")],
    tls: await TlsConfig.fromPaths({ certFile, keyFile, caFile, watch: true }),
  });
  assertEquals(client.contact, address);
  const reloaded = new Promise<string>((resolve) => {
    client.eventStream.subscribe<TlsReloaded>("tlsReloaded", ({ fingerprint }) => {
      resolve(fingerprint);
    });
  });
  const fresh = await cluster.ca.issueClient("fresh");
  await Deno.writeTextFile(keyFile, fresh.key);
  await Deno.writeTextFile(certFile, fresh.cert);
  assert(/^[0-9a-f]{64}$/.test(await within(15_000, reloaded, "no event")));
  const ref = client.entityRef<CounterMessage>(counters.name, { numShards: counters.numShards });
  assertEquals(await client.ask(ref, get("hits"), { retry: true, timeout: 60_000 }), 0);
});

Deno.test("a client's certificate is denied while it is connected: it is cut off, and says why", async () => {
  const ca = await testCa();
  const nodeFiles = await (await ca.issueNode("127.0.0.1", "localhost")).files();
  await using _files = nodeFiles;
  const { certFile, keyFile, caFile } = nodeFiles;
  const folder = await Deno.makeTempDir();
  const denyListFile = `${folder}/denied.txt`;
  await Deno.writeTextFile(denyListFile, "# nobody yet\n");
  await using node = await ClusteredActorSystem.start({
    name: "client-test",
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
    tls: await TlsConfig.fromPaths({ certFile, keyFile, caFile, denyListFile, watch: true }),
  });
  const silent = Behaviors.discoverable(Behaviors.ignore(), echoKey);
  node.spawn(silent, "silent");
  const issued = await ca.issueClient("leaver");
  const options = {
    contactPoints: [node.address],
    systemName: "client-test",
    logger: silentLogger,
  };
  await using client = await ClusterClient.connect({ ...options, tls: issued.tls });
  await using other = await ClusterClient.connect({
    ...options,
    tls: (await ca.issueClient("stayer")).tls,
  });
  const states: ClientStateChanged[] = [];
  client.eventStream.subscribe<ClientStateChanged>("clientState", (event) => {
    states.push(event);
  });
  await until("the service is listed", () => client.lookup(echoKey).length > 0);
  const question = client.ask(client.lookup(echoKey)[0]!, (replyTo) => replyTo, { timeout: 60_000 })
    .then(() => "answered", (error) => error.code as string);
  const { fingerprint } = await TlsConfig.fromPem(issued.tls);
  await Deno.writeTextFile(denyListFile, `${fingerprint}\n`);
  assertEquals(await within(20_000, question, "the client is not cut off"), "askNotDelivered");
  await until("the client knows", () => client.state === "reconnecting");
  const { reason = "" } = states.find(({ state }) => state === "reconnecting")!;
  assert(reason.includes(node.address) && reason.includes("leaver is on the deny list"), reason);
  assertEquals(client.lookup(echoKey), [], "nobody can be reached");
  assertEquals(other.state, "connected");
  const late = ClusterClient.connect({ ...options, tls: issued.tls, connectTimeout: 20_000 });
  const { message } = await assertRejects(() => late, ClientError);
  assert(message.includes("leaver is on the deny list"), message);
  await Deno.remove(folder, { recursive: true });
});
