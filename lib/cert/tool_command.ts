/**
 * Command lines of this tool, as they are typed where it was started.
 *
 * @module
 */
import { isAbsolute, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type ToolEntry, toolOf } from "../runtime/cert_tool.ts";
import { platform } from "../runtime/platform.ts";
import type { Platform } from "../runtime/platform_port.ts";

/** How the examples of the help start the tool. */
export const exampleStart = "deno run -A cert.ts";

const runners: Readonly<Record<Platform["name"], string>> = {
  deno: "deno run -A",
  node: "node",
  bun: "bun",
};

/** What starts the tool, by the URL of its module, for a shell in the folder `folder`. */
export function toolStart(
  toolUrl: string,
  name: Platform["name"],
  folder: string,
  entry: ToolEntry = "cert",
): string {
  if (!toolUrl.startsWith("file:")) {
    const tool = toolOf(toolUrl, entry);
    return `${runners[name]} ${tool.startsWith("jsr:") ? tool : quoted(toolUrl)}`;
  }
  const path = fileURLToPath(toolUrl);
  const near = relative(folder, path);
  // A path upwards would be longer than it helps.
  return `${runners[name]} ${quoted(near.startsWith("..") || isAbsolute(near) ? path : near)}`;
}

/** A command line, as one would type it. */
export function command(...args: readonly string[]): string {
  return [start(), ...args.map(quoted)].join(" ");
}

/** A text whose examples start the tool as it was started. */
export function withToolStart(text: string, entry: ToolEntry = "cert"): string {
  const example = entry === "cert" ? exampleStart : `deno run -A ${entry}.ts`;
  return text.replaceAll(example, start(entry));
}

function start(entry: ToolEntry = "cert"): string {
  // Compiled to JavaScript where the registry serves Node.
  const ending = import.meta.url.endsWith(".js") ? "js" : "ts";
  const tool = new URL(`../../${entry}.${ending}`, import.meta.url).href;
  return toolStart(tool, platform.name, folder(), entry);
}

/** Without a permission to know it, paths are absolute. */
function folder(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}
