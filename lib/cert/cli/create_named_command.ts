import type { ClientOptions, Issued } from "../authority/authority.ts";
import type { Authority } from "../authority/issuing_authority.ts";
import type { Command } from "./command.ts";
import { command } from "../tool_command.ts";
import { deliver, refuseOverwriting } from "./issue_output.ts";
import { authorityOf } from "./passphrase.ts";
import { parseSpan } from "../authority/validity.ts";

/** Certificates whose holder has a name, and no hosts. */
export interface NamedCertificate {
  readonly role: "client" | "admin";
  /** With its article. */
  readonly holder: string;
  readonly summary: string;
  /** In the examples: a name, and a short validity. */
  readonly example: { readonly name: string; readonly validity: string };
  readonly issue: (ca: Authority, options: ClientOptions) => Promise<Issued>;
}

/** The command that issues such certificates: `create-client`, `create-admin`. */
export function createNamedCommand(
  { role, holder, summary, example, issue }: NamedCertificate,
): Command {
  const name = `create-${role}`;
  return {
    name,
    summary,
    usage: usageOf({ role, holder, example }),
    options: {
      texts: ["out", "ca-dir", "cluster", "validity", "key-type", "passphrase-env"],
      switches: ["force", "dry-run", "json"],
    },
    run: async (args, io) => {
      args.expectPositional(1, 1, "one name");
      const out = args.folder("out");
      const caDir = args.folder("ca-dir");
      const validity = args.span("validity");
      const keyType = args.keyType() ?? "p256";
      const clusterName = args.text("cluster");
      const ca = await authorityOf(caDir, args, io);
      await refuseOverwriting(args, out, role);
      const issued = await issue(ca, {
        name: args.positional[0]!,
        keyType,
        ...(validity !== undefined && { validity }),
        ...(clusterName !== undefined && { clusterName }),
      });
      return await deliver({
        what: role === "admin" ? "Admin" : "Client",
        issued,
        directory: out,
        name: role,
        force: args.on("force"),
        signedBy: `${caDir}/ca.crt`,
        validity: validity && parseSpan(validity).text,
        encrypted: false,
        next: command("verify", `${out}/${role}.crt`, "--ca", `${caDir}/ca.crt`),
      }, args);
    },
  };
}

function usageOf(
  { role, holder, example: { name, validity } }: Pick<
    NamedCertificate,
    "role" | "holder" | "example"
  >,
): string {
  const line = `deno run -A cert.ts create-${role} ${name} --ca-dir certs --out certs/${name}`;
  return `Issues a certificate for ${holder}: ${role}.crt and ${role}.key.

Examples:
  ${line}
  ${line} --validity ${validity} --force

Arguments:
  NAME                   letters, digits, dots, dashes and underscores, up to 64

Options:
  --ca-dir DIR           where ca.crt and ca.key are (required)
  --out DIR              where to write; made if it is not there (required)
  --validity TIME        90d, 24h, 30m, or a number of days, not beyond the authority's (90d)
  --cluster NAME         name of the cluster, if it is not that of the authority
  --key-type TYPE        p256, p384 or ed25519 (p256)
  --passphrase-env NAME  environment variable with the passphrase of ca.key (default: prompt)
  --force                overwrite
  --dry-run              write nothing, show the fields that would be signed
  --json                 output for programs: { written, certFile, keyFile, encrypted, signedBy,
                         certificate, next }

Exit codes: 0 done, 1 refused or failed, 2 wrong use.
`;
}
