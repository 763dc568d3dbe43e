import { readText } from "../authority/certificate_files.ts";
import { certificateJson, jsonText } from "./certificate_json.ts";
import { readCertificate } from "../authority/certificate_info.ts";
import {
  authorityHome,
  checkList,
  naming,
  readInput,
  readListIfThere,
  revocationListFile,
} from "../authority/certificate_search.ts";
import { minute, visible } from "./cli_text.ts";
import type { CertIo, Command } from "./command.ts";
import { type CommandArguments, UsageError } from "./command_arguments.ts";
import { folderOf } from "../doctor/doctor_side.ts";
import { identityHelp, identityOption } from "./identity_argument.ts";
import { openKey } from "./passphrase.ts";
import { type Verification, verify } from "../authority/verification.ts";
import type { CertificateClass } from "../../x509/identity.ts";

const usage = `Verifies a certificate against its authority, and lists the failed rules.

Examples:
  deno run -A cert.ts verify certs/node-1/node.crt --ca certs/ca.crt
  deno run -A cert.ts verify certs/node-1/node.crt --ca certs/ca.crt --host 10.0.1.10 --usage node
  deno run -A cert.ts verify node.crt --ca ca.crt --crl ca.crl --key node.key --json

Arguments:
  FILE                   the certificate, and intermediates if there are any, in any order; - for
                         standard input

Options:
  --ca FILE              the authorities that are trusted (required)
  --crl FILE             the revocation list (ca.crl or crl.pem beside the authorities, if there)
  --host HOST            a name or address that it must cover
  --usage KIND           what its holder must be: node, client or admin
  --key FILE             the private key that must belong to it
  --passphrase-env NAME  environment variable with the passphrase of that key (default: prompt)
${
  identityHelp(25)
}  --json                 output for programs: { ok, code, checked, failures: [{ rule, code,
                         problem }], certificate }

Rules: chain, validity, algorithm, revocation, identity, usage, host, key.
Exit codes: 0 valid, 1 a rule failed or could not be checked, 2 wrong use.
`;

/** `verify`. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "verify a certificate: authority, dates, revocation, names, usage",
  usage,
  options: {
    texts: ["ca", "crl", "host", "usage", "key", "passphrase-env"],
    lists: ["identity"],
    switches: ["json"],
  },
  run: async (args, io) => {
    args.expectPositional(1, 1, "one file");
    const file = args.positional[0]!;
    const caFile = args.text("ca");
    if (caFile === undefined) throw new UsageError("--ca is missing");
    const wanted = args.text("usage");
    if (wanted !== undefined && !isClass(wanted)) {
      throw new UsageError(`--usage ${wanted} is none of node, client and admin`);
    }
    const cert = await readInput(file, io, "certificate not found");
    await readCertificate(cert).catch((error) => Promise.reject(naming(file, error)));
    const ca = await readText(caFile, "CA file not found");
    await readCertificate(ca).catch((error) => Promise.reject(naming(caFile, error)));
    const host = args.text("host");
    const identity = identityOption(args);
    const list = await listOption(args.text("crl"), caFile);
    const result = await verify(cert, {
      ...(identity !== undefined && { identity }),
      ca,
      ...list,
      ...await keyOption(args, io),
      ...(host !== undefined && { host }),
      ...(wanted !== undefined && { usage: wanted }),
    });
    const exitCode = result.ok ? 0 : 1;
    if (args.on("json")) {
      const certificate = certificateJson(result.certificate);
      return { exitCode, stdout: jsonText({ ...result, certificate }) };
    }
    return { exitCode, stdout: text(file, result, "crl" in list) };
  },
};

async function listOption(
  crlFile: string | undefined,
  caFile: string,
): Promise<{ crl?: string }> {
  const file = crlFile ?? await revocationListFile(await authorityHome(folderOf(caFile)));
  const crl = crlFile === undefined
    ? await readListIfThere(file)
    : await readText(file, "revocation list not found");
  if (crl === undefined) return {};
  checkList(file, crl);
  return { crl };
}

async function keyOption(
  args: CommandArguments,
  io: CertIo,
): Promise<{ key?: string }> {
  const keyFile = args.text("key");
  if (keyFile === undefined) return {};
  return { key: await openKey(keyFile, await readText(keyFile, "key not found"), args, io) };
}

function text(
  file: string,
  { ok, checked, failures, certificate }: Verification,
  list: boolean,
): string {
  const rows = checked.map((rule) => {
    const broken = failures.filter((failure) => failure.rule === rule);
    const problems = broken.map(({ problem }) => visible(problem)).join("; ");
    return `${rule.padEnd(11)} ${broken.length === 0 ? "ok" : `FAILED: ${problems}`}\n`;
  });
  const end = ok ? `is valid until ${minute(certificate.notAfter)}` : "is not valid";
  const why = list ? "the certificate has no chain to an authority" : "there is no list";
  const hint = checked.includes("revocation") ? "" : `revocation  not checked: ${why}\n`;
  return `${rows.join("")}${hint}\n${file} ${end}.\n`;
}

function isClass(text: string): text is CertificateClass {
  return text === "node" || text === "client" || text === "admin";
}
