import type { Command } from "./command.ts";
import { type CommandArguments, plainPath, UsageError } from "./command_arguments.ts";
import { diagnose, type DoctorReport } from "../doctor/doctor.ts";
import { diagnosePeer } from "../doctor/doctor_live.ts";
import { identityHelp, identityOption } from "./identity_argument.ts";
import { doctorExitCode, doctorJson, doctorText } from "../doctor/doctor_text.ts";

const usage = `Explains why two peers would refuse each other, with remedies.

Examples:
  deno run -A cert.ts doctor certs/node-1 certs/node-2 --host node-2.example.com
  deno run -A cert.ts doctor certs/shop certs/node-1
  deno run -A cert.ts doctor certs/node-1 --connect 10.0.1.10:25520
  deno run -A cert.ts doctor certs/node-1 --connect localhost:2552 --server-name node-1

Arguments:
  A, B                 a folder (node.crt or client.crt, its key, ca.crt, ca.crl) or a certificate;
                       ca.crt and ca.crl may also be in the folder above

Options:
  --host HOST          how A dials B: B's certificate must cover it
  --own-host HOST      how B dials A
  --crl-required       both run with crlRequired: true: every authority needs a valid list
  --crl-optional       both run with crlRequired: false: an outdated list still counts
                       (without either: a node refuses what has an outdated list)
  --connect HOST:PORT  instead of B: dial it with A's files, send nothing, report the result
  --server-name HOST   with --connect: what the certificate must cover (the host that is dialled)
  --timeout MS         with --connect: for the handshake (5000)
${identityHelp(23)}  --json               output for programs

Exit codes: 0 they accept each other, 1 there are findings or a failure, 2 wrong use.
`;

const maxTimeout = 600_000;

/** `doctor`. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "explain why two peers would refuse each other, with remedies",
  usage,
  options: {
    texts: ["host", "own-host", "connect", "server-name", "timeout"],
    lists: ["identity"],
    switches: ["json", "crl-required", "crl-optional"],
  },
  run: async (args) => {
    const report = args.text("connect") === undefined ? await files(args) : await live(args);
    const stdout = args.on("json") ? doctorJson(report) : doctorText(report);
    return { exitCode: doctorExitCode(report), stdout };
  },
};

async function files(flags: CommandArguments): Promise<DoctorReport> {
  for (const name of ["server-name", "timeout"]) {
    if (flags.text(name) !== undefined) throw new UsageError(`--${name} goes with --connect`);
  }
  flags.expectPositional(2, 2, "two folders or certificates, or one and --connect");
  const [a, b] = flags.positional.map(plainPath);
  const [host, ownHost] = [flags.text("host"), flags.text("own-host")];
  const identity = identityOption(flags);
  return await diagnose(a!, b!, {
    ...(identity !== undefined && { identity }),
    ...(host !== undefined && { host }),
    ...(ownHost !== undefined && { ownHost }),
    ...crlRequired(flags),
  });
}

function crlRequired(flags: CommandArguments): { crlRequired?: boolean } {
  const [required, optional] = [flags.on("crl-required"), flags.on("crl-optional")];
  if (required && optional) {
    throw new UsageError("--crl-required and --crl-optional exclude each other");
  }
  return required || optional ? { crlRequired: required } : {};
}

async function live(flags: CommandArguments): Promise<DoctorReport> {
  for (const name of ["host", "own-host"]) {
    if (flags.text(name) !== undefined) throw new UsageError(`--${name} goes with two folders`);
  }
  for (const name of ["crl-required", "crl-optional"]) {
    if (flags.on(name)) throw new UsageError(`--${name} goes with two folders`);
  }
  flags.expectPositional(1, 1, "one folder or certificate with --connect");
  const { host, port } = address(flags.text("connect")!);
  const serverName = flags.text("server-name");
  const timeout = flags.number("timeout");
  if (timeout !== undefined && (timeout < 1 || timeout > maxTimeout)) {
    throw new UsageError(`--timeout ${timeout} is not from 1 to ${maxTimeout}`);
  }
  const identity = identityOption(flags);
  return await diagnosePeer(plainPath(flags.positional[0]!), {
    ...(identity !== undefined && { identity }),
    host,
    port,
    ...(serverName !== undefined && { serverName }),
    ...(timeout !== undefined && { timeout }),
  });
}

function address(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port >= 1 && port <= 65_535) return { host: (match[1] ?? match[2])!, port };
  throw new UsageError(
    `--connect ${text} is not HOST:PORT, such as 10.0.1.10:25520 or [::1]:25520`,
  );
}
