import type { Command } from "./command.ts";
import { command } from "../tool_command.ts";
import { jsonText } from "./certificate_json.ts";
import { newPassphrase, passphraseOfFiles } from "./passphrase.ts";
import { exists } from "../authority/workspace.ts";
import { type InitItem, initWorkspace } from "../authority/workspace_init.ts";

const usage = `Makes a whole set for development: an authority, nodes and clients.

Examples:
  deno run -A cert.ts init --out certs --cluster shop --nodes 3 --client me
  deno run -A cert.ts init --out certs --nodes 5 --client me --client you --host 10.0.1.10

Each node is reached as node-N, localhost, 127.0.0.1 and ::1. The authority's key has a folder of
its own (certs/ca); every other folder is what its holder needs: certificate, key and ca.crt. A
second run keeps what is there and adds what is missing.

Options:
  --out DIR         where to write (required)
  --nodes N         how many nodes, 0 to 1000 (3)
  --client NAME     a client; may be repeated (client)
  --host HOST       another name or address of every node; may be repeated
  --validity TIME   of nodes and clients: 90d, 24h, 30m, or a number of days (90d)
  --cluster NAME    name of the cluster: its certificates are of this trust domain (made of the
                    common name)
  --cn NAME         common name of the authority (NAME-ca, or casty-ca)
  --key-type TYPE   of all keys: p256, p384 or ed25519 (p256)
  --encrypt         encrypt ca.key with a passphrase from a prompt
  --passphrase-env NAME
                    environment variable with the passphrase of ca.key
  --force           replace unusable files: expired, without a key, or of another
                    authority
  --dry-run         write nothing, list what is missing
  --json            output for programs: a list of { kind, name, directory, state, problem,
                    notAfter }

Exit codes: 0 done, 1 failed or an existing file is unusable, 2 wrong use.
`;

/** `init`. */
export const initCommand: Command = {
  name: "init",
  summary: "make an authority, nodes and clients for development in one go",
  usage,
  options: {
    texts: ["out", "cluster", "nodes", "validity", "cn", "key-type", "passphrase-env"],
    lists: ["client", "host"],
    switches: ["json", "dry-run", "encrypt", "force"],
  },
  run: async (args, io) => {
    args.expectPositional(0, 0, "no argument");
    const root = args.folder("out");
    const nodes = args.number("nodes");
    const validity = args.span("validity");
    const keyType = args.keyType();
    const clusterName = args.text("cluster");
    const commonName = args.text("cn");
    const clients = args.list("client");
    const dryRun = args.on("dry-run");
    const passphrase = dryRun
      ? undefined
      : await exists(`${root}/ca/ca.crt`)
      ? await passphraseOfFiles([`${root}/ca/ca.key`], args, io) ??
        (args.on("force") ? await newPassphrase(args, io) : undefined)
      : await newPassphrase(args, io);
    const items = await initWorkspace(root, {
      hosts: args.list("host"),
      dryRun,
      force: args.on("force"),
      ...(nodes !== undefined && { nodes }),
      ...(clients.length > 0 && { clients }),
      ...(validity !== undefined && { validity }),
      ...(keyType !== undefined && { keyType }),
      ...(clusterName !== undefined && { clusterName }),
      ...(commonName !== undefined && { commonName }),
      ...(passphrase !== undefined && { passphrase }),
    });
    const stdout = args.on("json") ? jsonText(items) : text(root, items);
    return { exitCode: items.some(({ state }) => state === "broken") ? 1 : 0, stdout };
  },
};

function text(root: string, items: readonly InitItem[]): string {
  const width = Math.max(...items.map(({ directory }) => directory.length));
  const rows = items.map(({ kind, directory, state, notAfter, problem }) => {
    const until = notAfter === undefined ? "" : `, until ${notAfter.toISOString().slice(0, 10)}`;
    const row = `${state.padEnd(7)}  ${directory.padEnd(width)}  ${kind}${until}\n`;
    return problem === undefined ? row : `${row}         ${problem}\n`;
  });
  const key = items.some(({ kind, state }) => kind === "authority" && state === "made")
    ? `\nKeep ${root}/ca/ca.key secret: it can issue certificates for members of the cluster.\n`
    : "";
  if (items.some(({ state }) => state === "missing")) {
    return `${rows.join("")}\nNothing was written. Next: the same without --dry-run\n`;
  }
  const [one, other] = items.filter(({ kind }) => kind === "node");
  const next = other === undefined
    ? command("info", `${root}/ca/ca.crt`)
    : command("doctor", one!.directory, other.directory, "--host", "localhost");
  return `${rows.join("")}${key}\nNext: ${next}\n`;
}
