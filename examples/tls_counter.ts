/**
 * Five processes form a cluster over mutual TLS, count to 50 in a sharded entity, and read the
 * result back from every node.
 *
 *     deno run -A examples/tls_counter.ts
 *
 * With `--port` the same file runs as one node:
 *
 *     deno run -A examples/tls_counter.ts --port 25520 --host node-1 --bind-host 0.0.0.0 \
 *       --node-id node-1 --nodes 5 --seed node-1:25520 \
 *       --certfile certs/node-1/node.crt --keyfile certs/node-1/node.key --cafile certs/ca.crt
 *
 * With `--journal sqlite:counters` the counter is stored in that folder: a second run counts on.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { missingTlsFile } from "./tls_counter/tls_files.ts";
import { runDemo } from "./tls_counter/demo.ts";
import { runNode } from "./tls_counter/node.ts";

const usage = `Usage: deno run -A examples/tls_counter.ts [options]

Without --port: starts five nodes as processes on this machine, counts to 50, exits with 0.
  --stay              keep the five nodes running until SIGINT or SIGTERM; prints how to connect
                      a client, and the command line with the certificate of an admin
  --journal sqlite:DIR  store the counter there, so that the next run counts on

One node:
  --port PORT         port to listen on; 0 lets the system choose
  --host HOST         host of the node's address, which the other nodes dial (127.0.0.1)
  --bind-host HOST    interface to listen on (the host)
  --node-id ID        label of this node (node-1); node-1 sends the increments
  --nodes N           number of nodes in the cluster (5)
  --seed HOST:PORT    address of a seed node; may be repeated
  --certfile FILE     certificate of this node
  --keyfile FILE      its private key
  --cafile FILE       certificate authority of the cluster
  --stay              stay in the cluster after the result, until SIGINT, SIGTERM or an
                      admin's order to leave
  --journal sqlite:DIR  folder of the counter's store, the same for all nodes of this machine
  --health-file FILE  file that is written after the result and removed at shutdown
  --metrics-port PORT  serve metrics for Prometheus there
  --help              this text`;

/** Options that only one node has. */
const oneNode = [
  "host",
  "bind-host",
  "node-id",
  "nodes",
  "seed",
  "certfile",
  "keyfile",
  "cafile",
  "health-file",
  "metrics-port",
];

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: [...oneNode, "port", "journal"],
    boolean: ["help", "stay"],
    collect: ["seed"],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  const text = (name: string) => flags[name] as string | undefined;
  if (flags.help) {
    console.log(usage);
    return 0;
  }
  if (unknown.length > 0 || flags._.length > 0) {
    console.error(`unknown argument: ${[...unknown, ...flags._].join(" ")}\n\n${usage}`);
    return 2;
  }
  const journal = text("journal");
  if (journal !== undefined && !/^sqlite:./.test(journal)) {
    console.error(`--journal ${journal}: a store is sqlite:DIR\n\n${usage}`);
    return 2;
  }
  if (text("port") === undefined) {
    const needy = oneNode.find((name) => String(flags[name] ?? "") !== "");
    if (needy === undefined) return await runDemo(flags.stay === true, journal);
    console.error(`--${needy} needs --port\n\n${usage}`);
    return 2;
  }
  const missing = missingTlsFile(text);
  if (missing !== undefined) {
    console.error(`${missing}\n\n${usage}`);
    return 2;
  }
  for (const name of ["port", "nodes", "metrics-port"]) {
    if (/^\d+$/.test(text(name) ?? "0")) continue;
    console.error(`--${name} ${text(name)} is no number\n\n${usage}`);
    return 2;
  }
  const host = text("host") ?? "127.0.0.1";
  return await runNode({
    port: Number(text("port")),
    host,
    bindHost: text("bind-host") ?? host,
    nodeId: text("node-id") ?? "node-1",
    nodes: Number(text("nodes") ?? 5),
    seeds: flags.seed as string[],
    certFile: text("certfile"),
    keyFile: text("keyfile"),
    caFile: text("cafile"),
    stay: flags.stay === true,
    healthFile: text("health-file"),
    metricsPort: text("metrics-port") === undefined ? undefined : Number(text("metrics-port")),
    journal,
  });
}
