import { assert, assertEquals } from "@std/assert";
import { type ActorRef, Behaviors, ClusteredActorSystem, TlsConfig } from "@casty/casty";
import type { Logger } from "@casty/casty";
import { Certificates, longAgo, type Pair } from "../transport/network/certificates.ts";
import { OpensslClient } from "../transport/network/openssl_client.ts";
import { opensslTest } from "../openssl.ts";
import { Lines } from "./lines.ts";

interface Scene {
  readonly certificates: Certificates;
  readonly port: number;
}

/** What a hostile peer does, and what the log must say of it. */
const hostile: readonly {
  readonly name: string;
  readonly attack: (scene: Scene) => Promise<AsyncDisposable>;
  readonly logged: RegExp;
}[] = [
  {
    name: "openssl without a certificate",
    attack: ({ certificates, port }) => OpensslClient.connect(certificates, port),
    logged: /connection rejected .*showed no certificate/,
  },
  {
    name: "openssl with a certificate of another authority",
    attack: (scene) =>
      withPair(scene, async ({ certificates }) => {
        const other = await certificates.authority({ name: "another authority" });
        return certificates.leaf({ issuer: other });
      }),
    logged: /connection rejected .*its issuer \(another authority\) is not among .*test authority/,
  },
  {
    name: "openssl with an expired certificate",
    attack: (scene) =>
      withPair(scene, ({ certificates }) => {
        return certificates.leaf({ validity: longAgo });
      }),
    logged: /connection rejected .*node node-1 expired on 2021-01-01/,
  },
  {
    name: "openssl with a certificate for servers only",
    attack: (scene) =>
      withPair(scene, ({ certificates }) => {
        return certificates.leaf({ usages: "serverAuth" });
      }),
    logged: /connection rejected .*lacks the extended key usage clientAuth/,
  },
  {
    name: "a plain socket that writes garbage",
    attack: ({ port }) => socket(port, "GET / HTTP/1.1\r\n\r\n"),
    logged: /connection rejected .*does not speak TLS/,
  },
  {
    name: "a peer that connects and stays silent",
    attack: ({ port }) => socket(port, ""),
    logged: /connection rejected .*sent nothing within handshakeTimeout \(3000 ms\)/,
  },
  {
    name: "openssl with a good certificate that never sends a hello",
    attack: (scene) => withPair(scene, ({ certificates }) => certificates.leaf()),
    logged: /connection rejected .*sent no hello within handshakeTimeout \(3000 ms\)/,
  },
];

for (const { name, attack, logged } of hostile) {
  opensslTest(`${name} is rejected and logged, and nothing of it is handled`, async () => {
    await using certificates = await Certificates.create();
    const lines = new Lines();
    await using node = await start(certificates, [], lines);
    const [host, port] = node.address.split(":");
    assertEquals(host, "127.0.0.1");
    const greeter = Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
      replyTo.tell("hello");
      return Behaviors.same();
    });
    const ref = node.spawn(greeter, "greeter");
    const before = node.ledger.snapshot();
    await using _peer = await attack({ certificates, port: Number(port) });
    await lines.seen(logged);
    assertEquals(node.ledger.snapshot(), before);
    assertEquals(node.members.map(({ status }) => status), ["up"]);

    // The cluster carries on: a good node joins, and both are served.
    await using other = await start(certificates, [node.address], lines, 2);
    await node.waitFor(2);
    assertEquals(await node.ask(ref, (replyTo: ActorRef<string>) => replyTo), "hello");
    assertEquals(other.leader, node.address);
  });
}

opensslTest("a client's certificate cannot start a node that joins", async () => {
  await using certificates = await Certificates.create();
  const lines = new Lines();
  await using node = await start(certificates, [], lines);
  const material = await certificates.client();
  let failure = "";
  try {
    const system = await ClusteredActorSystem.start({
      name: "secure",
      host: "127.0.0.1",
      port: 0,
      seedNodes: [node.address],
      requiredQuorum: 2,
      startTimeout: 20_000,
      tls: material,
      logger: lines,
    });
    await system.shutdown();
  } catch (error) {
    failure = String(error);
  }
  assert(failure !== "", "a node with a client's certificate has joined");
  assertEquals(node.members.length, 1);
});

async function start(
  certificates: Certificates,
  seedNodes: readonly string[],
  logger: Logger,
  requiredQuorum = 1,
): Promise<ClusteredActorSystem> {
  return await ClusteredActorSystem.start({
    name: "secure",
    host: "127.0.0.1",
    port: 0,
    seedNodes,
    requiredQuorum,
    tls: await TlsConfig.fromPem(await certificates.node()),
    transport: { handshakeTimeout: 3_000 },
    logger,
  });
}

async function withPair(
  scene: Scene,
  make: (scene: Scene) => Promise<Pair>,
): Promise<AsyncDisposable> {
  return await OpensslClient.connect(scene.certificates, scene.port, await make(scene));
}

async function socket(port: number, text: string): Promise<AsyncDisposable> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  if (text !== "") await connection.write(new TextEncoder().encode(text));
  return {
    async [Symbol.asyncDispose]() {
      try {
        // Ends when the node has cut it.
        while (await connection.read(new Uint8Array(256)) !== null);
      } catch {
        // Reset by the node.
      }
      connection.close();
    },
  };
}
