import { CommandArguments, type CommandOutput } from "./command_arguments.ts";
import { type InitItem, initWorkspace } from "./workspace_init.ts";

/** The help of `init`. */
export const initUsage = `Makes a whole set for development: an authority, nodes and clients.

Examples:
  deno run -A cert.ts init --out certs --nodes 3 --client me
  deno run -A cert.ts init --out certs --nodes 5 --client me --client you --host 10.0.1.10

Each node is reached as node-N, localhost, 127.0.0.1 and ::1. The authority's key has a folder of
its own (certs/ca); every other folder is what its holder needs: certificate, key and ca.crt. A
second run keeps what is there and adds what is missing.

Options:
  --out DIR         where to write (required)
  --nodes N         how many nodes, 0 to 1000 (3)
  --client NAME     a client; may be repeated (client)
  --host HOST       another name or address of every node; may be repeated
  --validity DAYS   of nodes and clients, 1 to 36500 (90)
  --cn NAME         common name of the authority (casty-ca)
  --dry-run         write nothing, say what is missing
  --json            output for programs

Exit codes: 0 done, 1 failed or something there is of no use, 2 wrong use.
`;

/** Runs `init`. */
export async function runInit(args: readonly string[]): Promise<CommandOutput> {
  const flags = new CommandArguments(args, {
    texts: ["out", "nodes", "validity", "cn"],
    lists: ["client", "host"],
    switches: ["json", "dry-run"],
  });
  flags.expectPositional(0, 0, "no argument");
  const root = flags.folder("out");
  const nodes = flags.number("nodes");
  const validityDays = flags.number("validity");
  const commonName = flags.text("cn");
  const clients = flags.list("client");
  const items = await initWorkspace(root, {
    hosts: flags.list("host"),
    dryRun: flags.on("dry-run"),
    ...(nodes !== undefined && { nodes }),
    ...(clients.length > 0 && { clients }),
    ...(validityDays !== undefined && { validityDays }),
    ...(commonName !== undefined && { commonName }),
  });
  const stdout = flags.on("json") ? `${JSON.stringify(items, undefined, 2)}\n` : text(root, items);
  return { exitCode: items.some(({ state }) => state === "broken") ? 1 : 0, stdout };
}

function text(root: string, items: readonly InitItem[]): string {
  const width = Math.max(...items.map(({ directory }) => directory.length));
  const rows = items.map(({ kind, directory, state, notAfter, problem }) => {
    const until = notAfter === undefined ? "" : `, until ${notAfter.toISOString().slice(0, 10)}`;
    const row = `${state.padEnd(7)}  ${directory.padEnd(width)}  ${kind}${until}\n`;
    return problem === undefined ? row : `${row}         ${problem}\n`;
  });
  const key = items.some(({ kind, state }) => kind === "authority" && state === "made")
    ? `\nWho has ${root}/ca/ca.key can make members of the cluster: keep that folder for yourself.\n`
    : "";
  if (items.some(({ state }) => state === "missing")) {
    return `${rows.join("")}\nNothing was written. Next: the same without --dry-run\n`;
  }
  const [one, other] = items.filter(({ kind }) => kind === "node");
  const next = other === undefined
    ? `info ${root}/ca/ca.crt`
    : `doctor ${one!.directory} ${other.directory} --host localhost`;
  return `${rows.join("")}${key}\nNext: deno run -A cert.ts ${next}\n`;
}
