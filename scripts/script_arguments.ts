import { parseArgs } from "@std/cli/parse-args";

/** The flags that a script knows. */
export interface ScriptFlags {
  /** With a value. */
  readonly string: readonly string[];
  /** Without one. */
  readonly boolean?: readonly string[];
}

/**
 * The flags that were given. `--help` prints the usage and ends with 0; a flag or word that the script
 * does not know ends with 2: such scripts run for minutes, and what was meant would be missing.
 */
export function scriptArguments(
  usage: string,
  { string, boolean = [] }: ScriptFlags,
  args: readonly string[] = Deno.args,
): Readonly<Record<string, unknown>> {
  const unknown: string[] = [];
  const given = parseArgs([...args], {
    string: [...string],
    boolean: [...boolean, "help"],
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (given["help"] === true) {
    console.log(usage);
    Deno.exit(0);
  }
  if (unknown.length === 0) return given;
  console.error(`${unknown.join(", ")}: not known\n\n${usage}`);
  Deno.exit(2);
}
