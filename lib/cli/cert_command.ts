import { runCertCli } from "../cert/cli/cli.ts";
import type { CliCommand } from "./cli_io.ts";

/** `cert`: the command line of `cert.ts`. Its commands have help of their own. */
export const certCommand: CliCommand = {
  name: "cert",
  summary: "make, check and renew certificates: the same as cert.ts",
  usage: "",
  ownHelp: true,
  run: (args) => runCertCli(args),
};
