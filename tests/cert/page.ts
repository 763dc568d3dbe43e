/** The commands of a page, and what it says about them. */
export interface PageCommand {
  /** The arguments after `cert.ts`. */
  readonly args: readonly string[];
  /** Environment variables that stand before it. */
  readonly env: Readonly<Record<string, string>>;
  /** How it ends. */
  readonly exitCode: number;
  /** What it prints, if the page shows that. */
  readonly output: string | undefined;
  /** As it stands on the page. */
  readonly line: string;
}

const fences = /^```(sh|text)\n([^]*?)^```$/gm;

/** Every command in `sh` blocks; a `text` block shows the output of the command before it. */
export function commandsOf(page: string): PageCommand[] {
  const commands: PageCommand[] = [];
  for (const [, kind, body = ""] of page.matchAll(fences)) {
    if (kind === "sh") commands.push(...body.trim().split("\n").map(parse));
    else commands.push({ ...commands.pop()!, output: body });
  }
  return commands;
}

function parse(line: string): PageCommand {
  const [, front = "", rest = "", code = "0"] =
    /^(.*)deno run -A cert\.ts (.*?)(?: # ends with (\d+))?$/.exec(line) ?? [];
  if (rest === "") throw new Error(`no command of cert.ts: ${line}`);
  const env = Object.fromEntries(words(front).map((word) => word.split("=") as [string, string]));
  return { args: words(rest), env, exitCode: Number(code), output: undefined, line };
}

/** As a shell takes a line apart that has no more than single quotes. */
function words(text: string): string[] {
  return (text.match(/(?:'[^']*'|[^' ])+/g) ?? []).map((word) => word.replaceAll("'", ""));
}

/** Takes out what differs from run to run. */
export function withoutChance(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d(T[\d:.]+Z| \d\d:\d\d UTC)?/g, "TIME")
    .replace(/\b([0-9A-F]{30,40}|[0-9a-f]{16}|[0-9a-f]{64})\b/g, "NUMBER");
}
