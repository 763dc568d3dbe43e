/** A client in a process of its own, which tells the sockets that the process listens on. */
import { silentLogger } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { until } from "./client_cluster.ts";
import { echoKey } from "./client_node.ts";

/** The sockets that this process listens on, as Linux tells. */
function listening(): string[] {
  const own = new Set<string>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${name}`))?.[1];
      if (inode !== undefined) own.add(inode);
    } catch {
      // It was closed meanwhile.
    }
  }
  return ["tcp", "tcp6"].flatMap((family) =>
    Deno.readTextFileSync(`/proc/self/net/${family}`).split("\n").slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === "0A" && own.has(fields[9]!))
      .map((fields) => fields[1]!)
  );
}

const { contactPoints, tls } = JSON.parse(Deno.args[0]!);
const control = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const found = listening();
control.close();
const systemName = "client-test";
{
  await using client = await ClusterClient.connect({
    contactPoints,
    systemName,
    tls,
    logger: silentLogger,
  });
  await until("two contacts", () => client.contacts.length === 2);
  await until("the echo is listed", () => client.lookup(echoKey).length > 0);
  const from = await client.ask(client.lookup(echoKey)[0]!, (replyTo) => replyTo);
  console.log(JSON.stringify({ control: found.length, from, listening: listening() }));
}
