import type { Issued } from "../authority/authority.ts";
import { refuseExistingPair, writePair } from "../authority/certificate_files.ts";
import { readCertificate } from "../authority/certificate_info.ts";
import { certificateJson, jsonText } from "./certificate_json.ts";
import { fieldRows } from "./cli_text.ts";
import type { CommandArguments, CommandOutput } from "./command_arguments.ts";
import { visible } from "../doctor/doctor_certificate.ts";

/** The issued certificate of a command, and its destination. */
export interface Product {
  /** `CA`, `Node` or `Client`. */
  readonly what: string;
  readonly issued: Issued;
  readonly directory: string;
  /** Of the two files, without their endings. */
  readonly name: string;
  /** Overwrites existing files. */
  readonly force: boolean;
  /** The certificate of the authority; undefined for an authority. */
  readonly signedBy: string | undefined;
  /** The requested validity, such as `90 days`. */
  readonly validity: string | undefined;
  /** Whether the key was encrypted. */
  readonly encrypted: boolean;
  /** A line of advice. */
  readonly advice?: string;
  /** The next command. */
  readonly next: string;
}

/**
 * Checks, before a key is generated or a prompt is shown, that no existing file would be
 * overwritten.
 *
 * @throws {CertError} code `exists`.
 */
export async function refuseOverwriting(
  args: CommandArguments,
  directory: string,
  name: string,
): Promise<void> {
  if (!args.on("force")) await refuseExistingPair(directory, name);
}

/**
 * Writes the pair and reports it; with `--dry-run` writes nothing and shows the fields.
 *
 * @throws {CertError} codes `exists` and `notWritable`.
 */
export async function deliver(product: Product, args: CommandArguments): Promise<CommandOutput> {
  const { directory, name, issued, force } = product;
  const dryRun = args.on("dry-run");
  const { certFile, keyFile } = dryRun
    ? { certFile: `${directory}/${name}.crt`, keyFile: `${directory}/${name}.key` }
    : await writePair(directory, name, issued, { force });
  const files = { certFile, keyFile };
  if (args.on("json")) return { exitCode: 0, stdout: await json(product, files, dryRun) };
  const stdout = dryRun ? await dryText(product, files) : await text(product, files);
  return { exitCode: 0, stdout };
}

interface Files {
  readonly certFile: string;
  readonly keyFile: string;
}

async function json(product: Product, files: Files, dryRun: boolean): Promise<string> {
  const certificate = certificateJson(await readCertificate(product.issued.cert));
  // The serial number and fingerprint of an unwritten certificate would mislead.
  if (dryRun) Object.assign(certificate, { serial: null, fingerprint: null });
  return jsonText({
    written: !dryRun,
    ...files,
    encrypted: product.encrypted,
    signedBy: product.signedBy ?? null,
    certificate,
    next: product.next,
  });
}

async function text(product: Product, { certFile, keyFile }: Files): Promise<string> {
  const { what, issued, signedBy, encrypted, advice, next } = product;
  const { commonName, names, notAfter, keyType } = await readCertificate(issued.cert);
  const rows: [string, string][] = [
    [`${what} certificate`, certFile],
    [`${what} private key`, `${keyFile}${encrypted ? " (encrypted)" : ""}`],
  ];
  if (commonName !== undefined) rows.push(["CN", commonName]);
  if (names.length > 0) rows.push(["SANs", names.join(", ")]);
  rows.push(["Validity", product.validity ?? daysLeft(notAfter)]);
  rows.push(["Valid until", `${notAfter.toISOString().slice(0, 16).replace("T", " ")} UTC`]);
  rows.push(["Key type", keyType]);
  if (signedBy !== undefined) rows.push(["Signed by", signedBy]);
  // A certificate that is renewed may have been made with another tool.
  const lines = rows.map(([title, value]) => `${title}: ${visible(value)}\n`).join("");
  return `${lines}${advice === undefined ? "" : `\n${advice}\n`}\nNext: ${next}\n`;
}

async function dryText(product: Product, { certFile, keyFile }: Files): Promise<string> {
  const rows = fieldRows(await readCertificate(product.issued.cert), new Date())
    .filter(([title]) => title !== "Serial" && title !== "SHA-256");
  const fields = rows.map(([title, value]) => `  ${`${title}:`.padEnd(11)} ${value}\n`).join("");
  return `Would write ${certFile} and ${keyFile}:\n${fields}` +
    "\nNothing was written. Next: the same without --dry-run\n";
}

/** The validity was shortened to that of the authority. */
function daysLeft(notAfter: Date): string {
  const minutes = Math.round((notAfter.getTime() - Date.now()) / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  return minutes < 2_880
    ? `${Math.round(minutes / 60)} hours`
    : `${Math.round(minutes / 1_440)} days`;
}
