import {
  CommandArguments,
  type CommandOutput,
  plainPath,
  UsageError,
} from "./command_arguments.ts";
import {
  beginRotation,
  type BeginRotationOptions,
  finishRotation,
  type RotationStep,
  signRotation,
} from "./rotation.ts";
import { rotationStatus } from "./rotation_state.ts";
import { dryText, rotationText, stepText } from "./rotation_text.ts";

/** The help of `rotate-ca`. */
export const rotateCaUsage = `Replaces the authority of a running cluster, in three phases.

Examples:
  deno run -A cert.ts rotate-ca begin certs     everybody is to trust both authorities
  deno run -A cert.ts rotate-ca sign certs      everybody gets a certificate of the new one
  deno run -A cert.ts rotate-ca finish certs    nobody trusts the old one any more
  deno run -A cert.ts rotate-ca status certs    says which phase it is, and what is next

Between two phases every node and client must get and load the files of its folder; each phase
says which. Connections stay. A phase can be repeated, and none can be left out.

Arguments:
  DIR               a folder with ca.crt or ca/ca.crt, and a folder for each node and client

Options:
  --validity DAYS   begin: of the new authority, 1 to 36500 (as the present one)
  --dry-run         write nothing, say what would be written
  --json            output for programs

Exit codes: 0 done, 1 failed or out of order, 2 wrong use.
`;

/** Runs `rotate-ca`. */
export async function runRotateCa(args: readonly string[]): Promise<CommandOutput> {
  const flags = new CommandArguments(args, {
    texts: ["validity"],
    switches: ["json", "dry-run"],
  });
  flags.expectPositional(2, 2, "begin, sign, finish or status, and a folder");
  const [phase, folder] = flags.positional as [string, string];
  const root = plainPath(folder);
  const validityDays = flags.number("validity");
  if (validityDays !== undefined && phase !== "begin") {
    throw new UsageError("--validity goes with begin");
  }
  const dryRun = flags.on("dry-run");
  const step = await run(phase, root, {
    dryRun,
    ...(validityDays !== undefined && { validityDays }),
  });
  const status = await rotationStatus(root);
  if (flags.on("json")) {
    const said = step === undefined ? status : { ...status, ...step };
    return { exitCode: 0, stdout: `${JSON.stringify(said, undefined, 2)}\n` };
  }
  const stdout = step === undefined
    ? rotationText(root, status)
    : dryRun
    ? dryText(step)
    : stepText(root, step, status);
  return { exitCode: 0, stdout };
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
      return await signRotation(root, options);
    case "finish":
      return await finishRotation(root, options);
    case "status":
      return undefined;
    default:
      throw new UsageError(`unknown phase: ${phase}`);
  }
}
