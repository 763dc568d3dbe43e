/** A command line, as one would type it. */
export function command(...args: readonly string[]): string {
  const quoted = args.map((arg) => {
    return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
  });
  return `deno run -A cert.ts ${quoted.join(" ")}`;
}
