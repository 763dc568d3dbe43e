/**
 * The command line of `cert.ts`: takes arguments, gives output and an exit code.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createCa, issueClient, type Issued, issueNode } from "./authority.ts";
import { loadCa, readText, refuseExistingPair, writePair } from "./certificate_files.ts";
import { type CertificateInfo, readCertificate } from "./certificate_info.ts";
import { certificateRow, infoText } from "./cli_text.ts";
import { usageOf } from "./cli_usage.ts";
import { CertError } from "./errors.ts";
import { runWorkspaceCommand } from "./workspace_commands.ts";

/** What a command prints, and how it ends: 0 done, 1 failed, 2 wrong use. */
export interface CliResult {
  readonly exitCode: 0 | 1 | 2;
  readonly stdout: string;
  readonly stderr: string;
}

interface Flags {
  readonly positional: readonly string[];
  readonly text: (name: string) => string | undefined;
  readonly force: boolean;
}

/** The command cannot be understood. */
class UsageError extends Error {}

const commands: Readonly<Record<string, (flags: Flags) => Promise<string>>> = {
  "create-ca": createCaCommand,
  "create-node": createNodeCommand,
  "create-client": createClientCommand,
  info: infoCommand,
  list: listCommand,
};

/** Runs one command. Never throws. */
export async function runCertCli(args: readonly string[]): Promise<CliResult> {
  const [name = "", ...rest] = args;
  const ofWorkspace = await runWorkspaceCommand(name, rest);
  if (ofWorkspace !== undefined) return ofWorkspace;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const help = name === "--help" || name === "-h" || name === "help";
    if (help) return { exitCode: 0, stdout: usageOf(undefined), stderr: "" };
    const problem = name === "" ? "a command is missing" : `unknown command: ${name}`;
    return { exitCode: 2, stdout: "", stderr: `${problem}\n\n${usageOf(undefined)}` };
  }
  try {
    const flags = parse(rest);
    if (flags === "help") return { exitCode: 0, stdout: usageOf(name), stderr: "" };
    return { exitCode: 0, stdout: await command(flags), stderr: "" };
  } catch (error) {
    if (error instanceof UsageError) {
      return { exitCode: 2, stdout: "", stderr: `${error.message}\n\n${usageOf(name)}` };
    }
    const reason = error instanceof Error ? error.message : String(error);
    return { exitCode: 1, stdout: "", stderr: `${reason}\n` };
  }
}

function parse(args: readonly string[]): Flags | "help" {
  const unknown: string[] = [];
  const strings = ["out", "ca-dir", "validity", "cn"];
  const parsed = parseArgs([...args], {
    // Without "_" the real package makes numbers of arguments such as 007.
    string: [...strings, "_"],
    boolean: ["force", "help"],
    alias: { h: "help" },
    unknown: (arg) => {
      if (!arg.startsWith("-")) return true;
      unknown.push(arg);
      return false;
    },
  });
  if (parsed.help || parsed.h) return "help";
  if (unknown.length > 0) throw new UsageError(`unknown option: ${unknown.join(" ")}`);
  for (const name of strings) {
    if (parsed[name] === "") throw new UsageError(`--${name} needs a value`);
  }
  return {
    positional: parsed._.map(String),
    text: (name) => parsed[name] as string | undefined,
    force: parsed.force === true,
  };
}

async function createCaCommand(flags: Flags): Promise<string> {
  expectPositional(flags, 0, 0, "no argument");
  const out = required(flags, "out");
  const commonName = flags.text("cn") ?? "casty-ca";
  const validityDays = validity(flags) ?? 365;
  if (!flags.force) await refuseExistingPair(out, "ca");
  const ca = await createCa({ commonName, validityDays });
  const { certFile, keyFile } = await writePair(out, "ca", ca, flags);
  return lines([
    ["CA certificate", certFile],
    ["CA private key", keyFile],
    ["Validity", `${validityDays} days`],
    ["CN", commonName],
    ["Valid until", day(ca)],
  ], `cert.ts create-node node-1 localhost 127.0.0.1 --ca-dir ${out} --out ${out}/node-1`);
}

async function createNodeCommand(flags: Flags): Promise<string> {
  expectPositional(flags, 1, Infinity, "at least one host");
  const out = required(flags, "out");
  const caDir = required(flags, "ca-dir");
  const validityDays = validity(flags);
  const ca = await loadCa(caDir);
  if (!flags.force) await refuseExistingPair(out, "node");
  const commonName = flags.text("cn");
  const node = await issueNode(ca, {
    hosts: flags.positional,
    ...(validityDays !== undefined && { validityDays }),
    ...(commonName !== undefined && { commonName }),
  });
  const { certFile, keyFile } = await writePair(out, "node", node, flags);
  const { names } = await readCertificate(node.cert);
  return lines([
    ["Node certificate", certFile],
    ["Node private key", keyFile],
    ["SANs", names.join(", ")],
    ["Validity", `${daysOf(node)} days`],
    ["Valid until", day(node)],
    ["Signed by", `${caDir}/ca.crt`],
  ], `cert.ts info ${certFile}`);
}

async function createClientCommand(flags: Flags): Promise<string> {
  expectPositional(flags, 1, 1, "one name");
  const out = required(flags, "out");
  const caDir = required(flags, "ca-dir");
  const validityDays = validity(flags);
  const ca = await loadCa(caDir);
  if (!flags.force) await refuseExistingPair(out, "client");
  const name = flags.positional[0]!;
  const client = await issueClient(ca, {
    name,
    ...(validityDays !== undefined && { validityDays }),
  });
  const { certFile, keyFile } = await writePair(out, "client", client, flags);
  return lines([
    ["Client certificate", certFile],
    ["Client private key", keyFile],
    ["CN", name],
    ["Validity", `${daysOf(client)} days`],
    ["Valid until", day(client)],
    ["Signed by", `${caDir}/ca.crt`],
  ], `cert.ts info ${certFile}`);
}

async function infoCommand(flags: Flags): Promise<string> {
  expectPositional(flags, 1, 1, "one file");
  const file = flags.positional[0]!;
  const text = await readText(file, "certificate not found");
  try {
    return infoText(file, await readCertificate(text), new Date());
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    throw new CertError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

async function listCommand(flags: Flags): Promise<string> {
  expectPositional(flags, 1, 1, "one directory");
  const directory = flags.positional[0]!;
  const now = new Date();
  const rows: string[] = [];
  for (const file of await certificateFiles(directory)) {
    let info: CertificateInfo | undefined;
    try {
      info = await readCertificate(await readText(`${directory}/${file}`, file));
    } catch {
      // Shown as unreadable: an operator must not overlook it.
    }
    rows.push(certificateRow(file, info, now));
  }
  return rows.length === 0 ? `No certificates found in ${directory}\n` : rows.join("");
}

/** `*.crt` sorted, then `*.pem` sorted. */
async function certificateFiles(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      if (!isDirectory) names.push(name);
    }
  } catch {
    return [];
  }
  const ending = (suffix: string) => names.filter((name) => name.endsWith(suffix)).toSorted();
  return [...ending(".crt"), ...ending(".pem")];
}

function expectPositional(flags: Flags, min: number, max: number, what: string): void {
  const { length } = flags.positional;
  if (length < min || length > max) {
    throw new UsageError(`expected ${what}, got ${length} arguments`);
  }
}

function required(flags: Flags, name: string): string {
  const value = flags.text(name);
  if (value === undefined) throw new UsageError(`--${name} is missing`);
  return value.replace(/(?<=.)\/+$/, "");
}

function validity(flags: Flags): number | undefined {
  const text = flags.text("validity");
  if (text === undefined) return undefined;
  if (!/^-?\d+$/.test(text)) throw new UsageError(`--validity ${text} is not a number of days`);
  return Number(text);
}

function lines(rows: readonly (readonly [string, string])[], next: string): string {
  return rows.map(([name, value]) => `${name}: ${value}\n`).join("") +
    `\nNext: deno run -A ${next}\n`;
}

/** From now, for a pair that was just made. */
function daysOf({ notAfter }: Issued): number {
  return Math.round((notAfter.getTime() - Date.now()) / 86_400_000);
}

function day({ notAfter }: Issued): string {
  return notAfter.toISOString().slice(0, 10);
}
