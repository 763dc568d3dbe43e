import { platform } from "../../runtime/platform.ts";
import { jsonText } from "./certificate_json.ts";
import { naming, readInput } from "../authority/certificate_search.ts";
import { minute } from "./cli_text.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./command_arguments.ts";
import { CertError } from "../errors.ts";
import { defaultExpiresIn, needsRenewal } from "../authority/renewal.ts";

const usage = `Tests whether a certificate is due for renewal, for scripts and cron.

Examples:
  deno run -A cert.ts needs-renewal node.crt && deno run -A cert.ts renew node.crt --ca-dir certs
  deno run -A cert.ts needs-renewal node.crt --expires-in 720h
  deno run -A cert.ts needs-renewal node.crt --expires-in 75%

Arguments:
  FILE               the certificate; - for standard input

Options:
  --expires-in WHEN  75%: that part of its validity is over; 720h, 30d, 30m: it expires within (66%)
  --json             output for programs: { needed, dueAt, notAfter }

Exit codes: 0 due for renewal, 1 not yet, 2 the file does not exist, 255 any other error.
`;

/** `needs-renewal`. Its exit codes are those of step. */
export const needsRenewalCommand: Command = {
  name: "needs-renewal",
  summary: "test by exit code whether a certificate is due for renewal",
  usage,
  options: { texts: ["expires-in"], switches: ["json"] },
  failureCode: (error) => {
    const missing = error instanceof CertError && error.code === "notFound" &&
      platform.faultOf(error.cause) === "notFound";
    return missing ? 2 : 255;
  },
  run: async (args, io) => {
    args.expectPositional(1, 1, "one file");
    const file = args.positional[0]!;
    const expiresIn = args.text("expires-in") ?? defaultExpiresIn;
    if (!/^(\d+%|-?\d+[dhm]?)$/.test(expiresIn)) {
      throw new UsageError(`--expires-in ${expiresIn} is neither a part such as 75% nor a time`);
    }
    const cert = await readInput(file, io, "certificate not found");
    const need = await needsRenewal(cert, { expiresIn })
      .catch((error) => Promise.reject(error.code === "malformed" ? naming(file, error) : error));
    const exitCode = need.needed ? 0 : 1;
    if (args.on("json")) return { exitCode, stdout: jsonText(need) };
    const stdout = need.needed
      ? `${file} is due for renewal since ${minute(need.dueAt)} and expires on ` +
        `${minute(need.notAfter)}\n`
      : `${file} is not due before ${minute(need.dueAt)}\n`;
    return { exitCode, stdout };
  },
};
