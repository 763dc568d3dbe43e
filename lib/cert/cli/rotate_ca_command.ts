import { optionsOf } from "../../options/check_options.ts";
import { rotationTable } from "../../options/tables/cert_tables.ts";
import { jsonText } from "./certificate_json.ts";
import type { CertIo, Command } from "./command.ts";
import { type CommandArguments, plainPath, UsageError } from "./command_arguments.ts";
import { newPassphrase, passphraseOfFiles } from "./passphrase.ts";
import {
  beginRotation,
  type BeginRotationOptions,
  finishRotation,
  type RotationStep,
  signRotation,
} from "../rotation/rotation.ts";
import { rotationStatus } from "../rotation/rotation_state.ts";
import { dryText, rotationText, stepText } from "./rotation_text.ts";

const usage = `Replaces the authority of a running cluster, in three phases.

Examples:
  deno run -A cert.ts rotate-ca begin certs     everybody is to trust both authorities
  deno run -A cert.ts rotate-ca sign certs      each peer gets a certificate of the new one
  deno run -A cert.ts rotate-ca finish certs    no peer trusts the old one any more
  deno run -A cert.ts rotate-ca status certs    says which phase it is, and what is next

Between two phases every node and client must get and load the files of its folder; each phase
says which. Connections stay. A phase can be repeated, and none can be left out.

Arguments:
  DIR               a folder with ca.crt or ca/ca.crt, and a folder for each node and client

Options:
  --validity TIME   begin: of the new authority, 365d, 24h or a number of days (as the present one)
  --key-type TYPE   begin: of the new authority, p256, p384 or ed25519 (as the present one)
  --encrypt         begin: encrypt the new authority's key with a passphrase that is asked for,
                    where the present one has none
  --passphrase-env NAME
                    environment variable with the passphrase of ca.key (asked for); begin
                    encrypts the new authority's key with it
  --dry-run         write nothing, say what would be written
  --json            output for programs: { phase, caDir, current, other, leaves, written, skipped }

Exit codes: 0 done, 1 failed or out of order, 2 wrong use.
`;

/** `rotate-ca`. */
export const rotateCaCommand: Command = {
  name: "rotate-ca",
  summary: "replace the authority of a running cluster, in three phases",
  usage,
  options: {
    texts: ["validity", "key-type", "passphrase-env"],
    switches: ["json", "dry-run", "encrypt"],
  },
  run: async (args, io) => {
    args.expectPositional(2, 2, "begin, sign, finish or status, and a folder");
    const [phase, folder] = args.positional as [string, string];
    const root = plainPath(folder);
    const validity = args.span("validity");
    const keyType = args.keyType();
    for (const name of ["validity", "key-type", "encrypt"]) {
      if (phase === "begin" || !args.given(name)) continue;
      throw new UsageError(`--${name} goes with begin`);
    }
    const dryRun = args.on("dry-run");
    const passphrase = await passphraseFor(phase, root, args, io);
    const step = await run(phase, root, {
      dryRun,
      ...(validity !== undefined && { validity }),
      ...(keyType !== undefined && { keyType }),
      ...(passphrase !== undefined && { passphrase }),
    });
    const status = await rotationStatus(root);
    if (args.on("json")) {
      const said = step === undefined ? status : { ...status, ...step };
      return { exitCode: 0, stdout: jsonText(said) };
    }
    const stdout = step === undefined
      ? rotationText(root, status)
      : dryRun
      ? dryText(step)
      : stepText(root, step, status);
    return { exitCode: 0, stdout };
  },
};

async function passphraseFor(
  phase: string,
  root: string,
  args: CommandArguments,
  io: CertIo,
): Promise<string | undefined> {
  // The others sign nothing.
  if (phase !== "begin" && phase !== "sign") return undefined;
  const present = await passphraseOfFiles(keyFiles(root), args, io);
  if (present !== undefined || phase === "sign" || args.on("dry-run")) return present;
  return await newPassphrase(args, io);
}

/** Keys of authorities that may be needed: the next one signs. */
function keyFiles(root: string): string[] {
  return [`${root}/ca`, root].flatMap((folder) => [`${folder}/next/ca.key`, `${folder}/ca.key`]);
}

async function run(
  phase: string,
  root: string,
  options: BeginRotationOptions,
): Promise<RotationStep | undefined> {
  switch (phase) {
    case "begin":
      return await beginRotation(root, options);
    case "sign":
      return await signRotation(root, optionsOf(rotationTable, options));
    case "finish":
      return await finishRotation(root, optionsOf(rotationTable, options));
    case "status":
      return undefined;
    default:
      throw new UsageError(`unknown phase: ${phase}`);
  }
}
