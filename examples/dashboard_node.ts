/**
 * A member without work of its own that shows the dashboard of a running cluster. Its options are in a
 * file, as `casty.toml` describes them; the address with the token is printed once:
 *
 *     deno run -A examples/dashboard_node.ts casty.toml
 *     deno run -A examples/dashboard_node.ts casty.toml --hostname 0.0.0.0 --port 25580
 *
 * `docker compose --profile dashboard up` runs it beside the five nodes.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { CastyError, ClusteredActorSystem, consoleLogger } from "@casty/casty";
import { dashboard } from "@casty/casty/dashboard";

const { _: files, ...flags } = parseArgs(Deno.args, { string: ["hostname", "port"] });
const { hostname = "127.0.0.1", port = "25580", ...unknown } = flags as Record<string, string>;
const [file] = files;
if (file === undefined || files.length > 1 || Object.keys(unknown).length > 0) {
  console.error("Usage: dashboard_node.ts FILE [--hostname HOST] [--port PORT]");
  Deno.exit(2);
}
let system: ClusteredActorSystem | undefined;
try {
  system = await ClusteredActorSystem.fromConfig(
    { stopOnSignals: true, logger: consoleLogger("warn") },
    { file: String(file) },
  );
  const board = await dashboard(system, { hostname, port: Number(port) });
  // In a container the port is published to the machine: there the address is this one.
  const token = encodeURIComponent(board.token);
  console.log(`DASHBOARD http://127.0.0.1:${board.port}/?token=${token}`);
} catch (error) {
  console.error(error instanceof CastyError ? `${error.message} (${error.code})` : error);
  // It may have joined already: a process that only ends is unreachable for the others.
  await system?.shutdown();
  Deno.exit(1);
}
