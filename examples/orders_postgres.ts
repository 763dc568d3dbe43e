/**
 * Orders in PostgreSQL, on five nodes over mutual TLS. A client places and pays orders; one node is
 * killed in the middle, the others take its orders over, and every payment that was confirmed is
 * stored. A second run finds them all again.
 *
 *     deno run -A examples/orders_postgres.ts --database postgres://user:password@localhost/orders
 *
 * The log of the nodes warns of the killed one, and at the end that they leave although it has not agreed.
 *
 * With `--port` the same file runs as one node, with `--contact` as the client: see
 * `compose.orders.yaml`.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { CastyError, TlsConfig } from "@casty/casty";
import { orders, placeOrders } from "./orders_postgres/client.ts";
import { runNode } from "./orders_postgres/node.ts";
import { type NodeStart, nodeStart, Processes, tlsOf } from "./processes.ts";

const usage = `Usage: deno run -A examples/orders_postgres.ts [options]

  --database URL      such as postgres://user:password@localhost/orders; default: DATABASE_URL

Without --port and --contact: starts five nodes on this machine, kills one of them while orders are
paid, and exits with 0 if every confirmed payment is stored.

One node, or with --contact a client of it:
  --port PORT         port to listen on
  --host HOST         host of the node's address, which the other nodes dial (127.0.0.1)
  --bind-host HOST    interface to listen on (the host)
  --node-id ID        label of this node (node-1)
  --seed HOST:PORT    address of a seed node; may be repeated
  --contact HOST:PORT address of a node
  --certfile FILE     certificate
  --keyfile FILE      its private key
  --cafile FILE       certificate authority of the cluster
  --help              this text`;

const text = ["database", "port", "host", "bind-host", "node-id", "contact"];
const files = ["certfile", "keyfile", "cafile"];

async function main(args: string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: [...text, ...files, "seed"],
    boolean: ["help"],
    collect: ["seed"],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  const flag = (name: string) => flags[name] as string | undefined;
  const refuse = (why: string) => {
    console.error(`${why}\n\n${usage}`);
    return 2;
  };
  if (flags.help) {
    console.log(usage);
    return 0;
  }
  if (unknown.length > 0 || flags._.length > 0) {
    return refuse(`unknown argument: ${[...unknown, ...flags._].join(" ")}`);
  }
  const contact = flag("contact");
  const port = flag("port");
  const database = flag("database") ??
    (contact === undefined ? Deno.env.get("DATABASE_URL") ?? "" : "");
  if (database === "" && contact === undefined) {
    return refuse("--database or the variable DATABASE_URL is needed");
  }
  if (port === undefined && contact === undefined) return await runHere(database);
  const missing = files.find((name) => flag(name) === undefined);
  if (missing !== undefined) return refuse(`--${missing} is needed`);
  const tls = await TlsConfig.fromPaths({
    certFile: flag("certfile")!,
    keyFile: flag("keyfile")!,
    caFile: flag("cafile")!,
    watch: true,
  });
  if (contact !== undefined) {
    await placeOrders({ contactPoints: [contact], tls });
    return 0;
  }
  const host = flag("host") ?? "127.0.0.1";
  await runNode(database, {
    nodeId: flag("node-id") ?? "node-1",
    host,
    bindHost: flag("bind-host") ?? host,
    port: Number(port),
    seeds: flags.seed as string[],
    tls,
  });
  return 0;
}

/** Five nodes as processes of this machine, one of which is killed. */
async function runHere(database: string): Promise<number> {
  Deno.env.set("DATABASE_URL", database);
  const names = ["one", "two", "three", "four", "five"];
  await using processes = await Processes.start(new URL(import.meta.url).pathname, names);
  await placeOrders({
    contactPoints: [processes.addresses.get("one")!],
    tls: await processes.clientTls(),
  }, (count) => {
    if (count === orders / 2) {
      processes.kill("three");
      console.log("client | a node was killed");
    }
  });
  return 0;
}

async function runChild({ name, seeds, folder }: NodeStart): Promise<void> {
  const host = "127.0.0.1";
  const tls = await tlsOf(folder, name);
  const options = { nodeId: name, host, bindHost: host, port: 0, seeds, tls };
  await runNode(Deno.env.get("DATABASE_URL")!, options);
}

if (import.meta.main) {
  try {
    const start = nodeStart(Deno.args);
    if (start === undefined) Deno.exit(await main(Deno.args));
    await runChild(start);
  } catch (error) {
    console.error(error instanceof CastyError ? `${error.message} (${error.code})` : error);
    Deno.exit(1);
  }
}
