import { readText } from "../authority/certificate_files.ts";
import { readCertificate } from "../authority/certificate_info.ts";
import { jsonText, revocationListJson } from "./certificate_json.ts";
import { authorityHome, naming, revocationListFile } from "../authority/certificate_search.ts";
import { minute } from "./cli_text.ts";
import type { Command } from "./command.ts";
import { command } from "../tool_command.ts";
import { UsageError } from "./command_arguments.ts";
import { authorityOf } from "./passphrase.ts";
import { decodePem } from "../authority/pem.ts";
import { revocationReasons, type RevokedList } from "../authority/revocation.ts";
import { plannedRevocation, revokeInFile } from "../authority/revocation_file.ts";
import { derIssuedBy } from "../../x509/chain.ts";
import { exists } from "../authority/workspace.ts";

const usage = `Revokes certificates: writes them into the authority's revocation list.

Examples:
  deno run -A cert.ts revoke certs/node-1/node.crt --ca-dir certs --reason keyCompromise
  deno run -A cert.ts revoke --serial 5DD3...09 --ca-dir certs
  deno run -A cert.ts revoke --ca-dir certs            only renews the list: before it is due

Revocation is permanent; revoking a certificate again changes nothing. Nodes read the list as
crlFile of TlsConfig.fromPaths.

Arguments:
  FILE...                certificates that this authority has issued

Options:
  --ca-dir DIR           where ca.crt and ca.key are (required)
  --serial HEX           a serial number, for a lost certificate; may be repeated
  --reason REASON        ${revocationReasons.slice(0, 3).join(", ")},
                         ${revocationReasons.slice(3).join(", ")} (unspecified)
  --crl FILE             the list (ca.crl in the authority's directory)
  --next-update TIME     when the next list is due: 30d, 24h (30d)
  --passphrase-env NAME  environment variable with the passphrase of ca.key (default: prompt)
  --dry-run              write nothing, show what would be signed
  --json                 output for programs: { written, crlFile, added, known,
                         revocationList, next }

Exit codes: 0 done, 1 refused or failed, 2 wrong use.
`;

/** `revoke`. */
export const revokeCommand: Command = {
  name: "revoke",
  summary: "revoke certificates: write or renew the revocation list",
  usage,
  options: {
    texts: ["ca-dir", "reason", "crl", "next-update", "passphrase-env"],
    lists: ["serial"],
    switches: ["dry-run", "json"],
  },
  run: async (args, io) => {
    const caDir = args.folder("ca-dir");
    const wanted = args.text("reason") ?? "unspecified";
    const reason = revocationReasons.find((name) => name === wanted);
    if (reason === undefined) {
      throw new UsageError(`--reason ${wanted} is none of ${revocationReasons.join(", ")}`);
    }
    const nextUpdate = args.span("next-update");
    const certificates: string[] = [];
    for (const file of args.positional) {
      const cert = await readText(file, "certificate not found");
      await readCertificate(cert).catch((error) => Promise.reject(naming(file, error)));
      certificates.push(cert);
    }
    const home = await authorityHome(caDir);
    const crlFile = args.text("crl") ?? await revocationListFile(home);
    const ca = await authorityOf(await signerDir(caDir, certificates), args, io);
    const options = {
      certificates,
      serials: args.list("serial"),
      reason,
      ...(nextUpdate !== undefined && { nextUpdate }),
    };
    const dryRun = args.on("dry-run");
    const list = dryRun
      ? await plannedRevocation(ca, crlFile, options)
      : await revokeInFile(ca, { file: crlFile, caDir: home }, options);
    const next = command("info", crlFile);
    const stdout = args.on("json")
      ? jsonText({
        written: !dryRun,
        crlFile,
        added: list.added,
        known: list.known,
        revocationList: revocationListJson(list),
        next,
      })
      : text({ crlFile, list, dryRun, next });
    return { exitCode: 0, stdout };
  },
};

/**
 * Where the authority is that has issued some certificates: during a rotation those that have not
 * been replaced yet, or were stolen, are still of the one before.
 */
async function signerDir(caDir: string, certificates: readonly string[]): Promise<string> {
  const previous = `${caDir}/previous`;
  if (certificates.length === 0 || !await exists(`${previous}/ca.key`)) return caDir;
  const authority = decodePem("CERTIFICATE", await readText(`${previous}/ca.crt`, "no authority"));
  const all = certificates.every((cert) => derIssuedBy(decodePem("CERTIFICATE", cert), authority));
  return all ? previous : caDir;
}

interface Outcome {
  readonly crlFile: string;
  readonly list: RevokedList;
  readonly dryRun: boolean;
  readonly next: string;
}

function text({ crlFile, list, dryRun, next }: Outcome): string {
  const { added, known, number, nextUpdate, revocations } = list;
  const verb = dryRun ? "Would revoke" : "Revoked";
  const lines = added.map((serial) => `${verb}: ${serial}\n`);
  for (const { serial, revokedAt, reason } of known) {
    lines.push(`Already revoked: ${serial}, on ${minute(revokedAt)}, ${reason}\n`);
  }
  lines.push(`Revocation list: ${crlFile}\n`);
  lines.push(`Number: ${number}\n`, `Entries: ${revocations.length}\n`);
  lines.push(`Next due: ${nextUpdate === undefined ? "not said" : minute(nextUpdate)}\n`);
  if (dryRun) return `${lines.join("")}\nNothing was written. Next: the same without --dry-run\n`;
  return `${
    lines.join("")
  }\nBring it to every node; with watch a node loads it by itself and cuts ` +
    `off whom it revokes.\n\nNext: ${next}\n`;
}
