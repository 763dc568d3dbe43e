import { issueNode } from "../authority/authority.ts";
import type { Command } from "./command.ts";
import { command } from "../tool_command.ts";
import { deliver, refuseOverwriting } from "./issue_output.ts";
import { authorityOf } from "./passphrase.ts";
import { parseSpan } from "../authority/validity.ts";

const usage = `Issues a certificate for a node: node.crt and node.key.

Examples:
  deno run -A cert.ts create-node node-1 localhost 127.0.0.1 --ca-dir certs --out certs/node-1
  deno run -A cert.ts create-node 10.0.1.10 --ca-dir certs --out certs/a --validity 24h --dry-run

Arguments:
  HOST...                names and IP addresses under which the node is reached

Options:
  --ca-dir DIR           where ca.crt and ca.key are (required)
  --out DIR              where to write; made if it is not there (required)
  --validity TIME        90d, 24h, 30m, or a number of days, not beyond the authority's (90d)
  --cluster NAME         name of the cluster, if it is not that of the authority
  --cn NAME              common name (the first host)
  --key-type TYPE        p256, p384 or ed25519 (p256)
  --passphrase-env NAME  environment variable with the passphrase of ca.key (default: prompt)
  --force                overwrite
  --dry-run              write nothing, show the fields that would be signed
  --json                 output for programs: { written, certFile, keyFile, encrypted, signedBy,
                         certificate, next }

Exit codes: 0 done, 1 refused or failed, 2 wrong use.
`;

/** `create-node`. */
export const createNodeCommand: Command = {
  name: "create-node",
  summary: "issue a certificate for a node, a member of the cluster",
  usage,
  options: {
    texts: ["out", "ca-dir", "cluster", "validity", "cn", "key-type", "passphrase-env"],
    switches: ["force", "dry-run", "json"],
  },
  run: async (args, io) => {
    args.expectPositional(1, Infinity, "at least one host");
    const out = args.folder("out");
    const caDir = args.folder("ca-dir");
    const validity = args.span("validity");
    const keyType = args.keyType() ?? "p256";
    const clusterName = args.text("cluster");
    const commonName = args.text("cn");
    const ca = await authorityOf(caDir, args, io);
    await refuseOverwriting(args, out, "node");
    const issued = await issueNode(ca, {
      hosts: args.positional,
      keyType,
      ...(validity !== undefined && { validity }),
      ...(clusterName !== undefined && { clusterName }),
      ...(commonName !== undefined && { commonName }),
    });
    return await deliver({
      what: "Node",
      issued,
      directory: out,
      name: "node",
      force: args.on("force"),
      signedBy: `${caDir}/ca.crt`,
      validity: validity && parseSpan(validity).text,
      encrypted: false,
      next: command("verify", `${out}/node.crt`, "--ca", `${caDir}/ca.crt`),
    }, args);
  },
};
