import { assertEquals } from "@std/assert";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { formatLogLine, type Logger } from "../../lib/runtime/logger.ts";
import { testCa } from "../../cert.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";

function recorded(): { readonly logger: Logger; readonly up: () => string[] } {
  const lines: string[] = [];
  const logger: Logger = { log: (...entry) => void lines.push(formatLogLine(...entry)) };
  return { logger, up: () => lines.filter((line) => line.includes("node is up")) };
}

const options = { name: "shop", nodeId: "a", host: "127.0.0.1", port: 0, stallDetection: false };

Deno.test("a node that is up says as whom, and until when its certificate is valid", async () => {
  const { tls } = await (await testCa()).issueNode("127.0.0.1");
  const { logger, up } = recorded();
  await using node = await ClusteredActorSystem.start({ ...options, logger, tls });
  const { name, notAfter } = await TlsConfig.fromPem(tls);
  assertEquals(up(), [
    `INFO  cluster: node is up address=${node.address} nodeId=a cluster=shop members=1 ` +
    `identity="node ${name}" validUntil=${new Date(notAfter).toISOString()}`,
  ]);
});

Deno.test("a node that is up without TLS says so", async () => {
  const { logger, up } = recorded();
  await using node = await ClusteredActorSystem.start({ ...options, logger });
  assertEquals(up(), [
    `INFO  cluster: node is up address=${node.address} nodeId=a cluster=shop members=1 tls=none`,
  ]);
});
