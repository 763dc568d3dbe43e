import { readText } from "../authority/certificate_files.ts";
import {
  authorityHome,
  checkList,
  naming,
  readListIfThere,
  revocationListFile,
} from "../authority/certificate_search.ts";
import type { Command } from "./command.ts";
import { command } from "../tool_command.ts";
import { plainPath, UsageError } from "./command_arguments.ts";
import { folderOf } from "../doctor/doctor_side.ts";
import { deliver, refuseOverwriting } from "./issue_output.ts";
import { authorityOf } from "./passphrase.ts";
import { renew, type RenewOptions } from "../authority/renewal.ts";
import { parseSpan } from "../authority/validity.ts";
import { readCertificate } from "../authority/certificate_info.ts";

const usage = `Reissues a certificate: same names and usage, a new key. Replaces the pair.

Examples:
  deno run -A cert.ts renew certs/node-1/node.crt --ca-dir certs
  deno run -A cert.ts renew certs/node-1/node.crt --ca-dir certs --keep-key --validity 30d
  deno run -A cert.ts needs-renewal a.crt && deno run -A cert.ts renew a.crt --ca-dir certs

A certificate that is revoked, or that another authority has issued, is refused; one that has
expired is not.

Arguments:
  FILE                   the certificate, NAME.crt; its key is NAME.key beside it

Options:
  --ca-dir DIR           where ca.crt and ca.key are (required)
  --out DIR              write the new pair there (default: replace the old one)
  --validity TIME        90d, 24h, 30m, or a number of days (default: the same duration, at most
                         until the authority expires)
  --keep-key             keep the current key
  --key-type TYPE        of the new key: p256, p384 or ed25519 (default: the same type)
  --crl FILE             the revocation list (ca.crl or crl.pem in the authority's directory)
  --passphrase-env NAME  environment variable with the passphrase of ca.key (default: prompt)
  --force                with --out: overwrite
  --dry-run              write nothing, show the fields that would be signed
  --json                 output for programs: { written, certFile, keyFile, encrypted, signedBy,
                         certificate, next }

Exit codes: 0 done, 1 refused or failed, 2 wrong use.
`;

const titles = { node: "Node", client: "Client", admin: "Admin", authority: "Leaf", other: "Leaf" };

/** `renew`. */
export const renewCommand: Command = {
  name: "renew",
  summary: "reissue a certificate for the same names and usage",
  usage,
  options: {
    texts: ["ca-dir", "out", "validity", "key-type", "crl", "passphrase-env"],
    switches: ["keep-key", "force", "dry-run", "json"],
  },
  run: async (args, io) => {
    args.expectPositional(1, 1, "one certificate");
    const file = args.positional[0]!;
    if (!/[^/]\.crt$/.test(file)) throw new UsageError(`${file} does not end with .crt`);
    const caDir = args.folder("ca-dir");
    const keepKey = args.on("keep-key");
    const keyType = args.keyType();
    if (keepKey && keyType !== undefined) throw new UsageError("--key-type makes a new key");
    const out = args.text("out");
    const validity = args.span("validity");
    const name = file.slice(file.lastIndexOf("/") + 1, -".crt".length);
    const directory = out === undefined ? folderOf(file) : plainPath(out);
    if (out !== undefined) await refuseOverwriting(args, directory, name);
    const cert = await readText(file, "certificate not found");
    const keyFile = `${file.slice(0, -".crt".length)}.key`;
    const key = keepKey ? await readText(keyFile, "key not found") : undefined;
    const { role } = await readCertificate(cert)
      .catch((error) => Promise.reject(naming(file, error)));
    const crlFile = args.text("crl");
    const listFile = crlFile ?? await revocationListFile(await authorityHome(caDir));
    const crl = crlFile === undefined
      ? await readListIfThere(listFile)
      : await readText(listFile, "revocation list not found");
    if (crl !== undefined) checkList(listFile, crl);
    const options: RenewOptions = {
      keepKey,
      ...(keyType !== undefined && { keyType }),
      ...(validity !== undefined && { validity }),
      ...(crl !== undefined && { crl }),
    };
    const ca = await authorityOf(caDir, args, io);
    const present = key === undefined ? { cert } : { cert, key };
    return await deliver({
      what: titles[role],
      issued: await renew(ca, present, options),
      directory,
      name,
      force: out === undefined || args.on("force"),
      signedBy: `${caDir}/ca.crt`,
      validity: validity && parseSpan(validity).text,
      encrypted: false,
      advice: "Copy both files to their holder; TlsConfig.fromPaths with watch loads them.",
      next: command("verify", `${directory}/${name}.crt`, "--ca", `${caDir}/ca.crt`),
    }, args);
  },
};
