/**
 * A client asks the counter of a running cluster for its value.
 *
 *     deno run -A examples/client.ts --contact 127.0.0.1:25520 \
 *       --certfile certs/client/client.crt --keyfile certs/client/client.key --cafile certs/ca.crt
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { CastyError, ClusterClient, TlsConfig } from "@casty/casty/client";
import { missingTlsFile } from "./tls_counter/tls_files.ts";
import { type CounterMessage, counters, getValue, systemName } from "./tls_counter/counter.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: ["contact", "certfile", "keyfile", "cafile"],
    collect: ["contact"],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) {
    console.error(
      `unknown argument: ${
        unknown.join(" ")
      }; there are --contact, --certfile, --keyfile and --cafile`,
    );
    return 2;
  }
  const contactPoints = flags.contact as string[];
  const [certFile, keyFile, caFile] = ["certfile", "keyfile", "cafile"]
    .map((name) => flags[name] as string | undefined);
  if (contactPoints.length === 0) {
    console.error("--contact HOST:PORT is missing: name at least one node of the cluster");
    return 2;
  }
  const missing = missingTlsFile((name) => flags[name] as string | undefined);
  if (missing !== undefined) {
    console.error(missing);
    return 2;
  }
  try {
    const tls = certFile === undefined || caFile === undefined
      ? undefined
      : await TlsConfig.fromPaths({ certFile, caFile, ...(keyFile && { keyFile }) });
    await using client = await ClusterClient.connect({
      contactPoints,
      systemName,
      ...(tls && { tls }),
    });
    const ref = client.entityRef<CounterMessage>(counters.name, { numShards: counters.numShards });
    console.log(`client | VALUE=${await client.ask(ref, getValue)}`);
    return 0;
  } catch (error) {
    const reason = error instanceof CastyError ? `${error.message} (${error.code})` : error;
    console.error(`client | FAILED: ${reason}`);
    return 1;
  }
}
