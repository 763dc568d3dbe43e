import { CastyError } from "../../runtime/casty_error.ts";
import type { IdentityMapping } from "../../runtime/identity_mapping.ts";
import { identityMapper } from "../../x509/identity_mapping.ts";
import { type CommandArguments, UsageError } from "./command_arguments.ts";

/** Help for the option; `indent` is the column of the text. */
export function identityHelp(indent: number): string {
  const lines = [
    "node=, client= or admin=PATTERN, as in the option identity of",
    "TlsConfig; may be repeated (docs/foreign_pki.md)",
  ];
  const next = `\n${" ".repeat(indent)}`;
  return `  ${"--identity ROLE=PAT".padEnd(indent - 2)}${lines.join(next)}\n`;
}

/** The patterns of `--identity`; undefined without any. */
export function identityOption(args: CommandArguments): IdentityMapping | undefined {
  const given = args.list("identity");
  if (given.length === 0) return undefined;
  const patterns = { node: [] as string[], client: [] as string[], admin: [] as string[] };
  for (const text of given) {
    const [, role, pattern] = /^(node|client|admin)=(.+)$/.exec(text) ?? [];
    if (pattern === undefined) {
      throw new UsageError(
        `--identity ${text} is none of node=PATTERN, client=PATTERN and admin=PATTERN`,
      );
    }
    patterns[role as keyof typeof patterns].push(pattern);
  }
  try {
    identityMapper(patterns);
  } catch (error) {
    if (error instanceof CastyError) throw new UsageError(`--${error.message}`);
    throw error;
  }
  return patterns;
}
