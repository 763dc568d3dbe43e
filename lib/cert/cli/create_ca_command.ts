import { createCa } from "../authority/authority.ts";
import type { Command } from "./command.ts";
import { command } from "../tool_command.ts";
import { deliver, refuseOverwriting } from "./issue_output.ts";
import { newPassphrase } from "./passphrase.ts";
import { parseSpan } from "../authority/validity.ts";

const usage = `Makes a certificate authority: ca.crt and ca.key.

Examples:
  deno run -A cert.ts create-ca --out certs
  deno run -A cert.ts create-ca --out certs --cluster shop --validity 1825d --encrypt
  CA_SECRET=... deno run -A cert.ts create-ca --out certs --passphrase-env CA_SECRET

Options:
  --out DIR              where to write; made if it is not there (required)
  --validity TIME        90d, 24h, 30m, or a number of days, 1 minute to 36500 days (365d)
  --cluster NAME         name of the cluster: its certificates are of this trust domain (made of
                         the common name)
  --cn NAME              common name, up to 64 characters (NAME-ca, or casty-ca)
  --key-type TYPE        p256, p384 or ed25519 (p256)
  --encrypt              encrypt ca.key with a passphrase from a prompt
  --passphrase-env NAME  encrypt ca.key with the passphrase in this environment variable
  --force                overwrite
  --dry-run              write nothing, show the fields that would be signed
  --json                 output for programs: { written, certFile, keyFile, encrypted, signedBy,
                         certificate, next }

Exit codes: 0 done, 1 refused or failed, 2 wrong use.
`;

/** `create-ca`. */
export const createCaCommand: Command = {
  name: "create-ca",
  summary: "make a certificate authority",
  usage,
  options: {
    texts: ["out", "cluster", "validity", "cn", "key-type", "passphrase-env"],
    switches: ["force", "dry-run", "json", "encrypt"],
  },
  run: async (args, io) => {
    args.expectPositional(0, 0, "no argument");
    const out = args.folder("out");
    const clusterName = args.text("cluster");
    const commonName = args.text("cn");
    const validity = args.span("validity") ?? "365d";
    const keyType = args.keyType() ?? "p256";
    await refuseOverwriting(args, out, "ca");
    const { text } = parseSpan(validity);
    const encrypted = args.on("encrypt") || args.text("passphrase-env") !== undefined;
    // Nothing is to be encrypted in a dry run: no need to trouble anybody.
    const passphrase = args.on("dry-run") ? undefined : await newPassphrase(args, io);
    const issued = await createCa({
      ...(clusterName !== undefined && { clusterName }),
      ...(commonName !== undefined && { commonName }),
      validity,
      keyType,
      ...(passphrase !== undefined && { passphrase }),
    });
    const node = ["create-node", "node-1", "localhost", "127.0.0.1"];
    return await deliver({
      what: "CA",
      issued,
      directory: out,
      name: "ca",
      force: args.on("force"),
      signedBy: undefined,
      validity: text,
      encrypted,
      advice: `Keep ${out}/ca.key secret: it can issue certificates for members of the cluster.`,
      next: command(...node, "--ca-dir", out, "--out", `${out}/node-1`),
    }, args);
  },
};
