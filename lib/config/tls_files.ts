import { dirname, resolve } from "node:path";
import type { CastyConfig } from "./load_config.ts";

/**
 * The options of `TlsConfig.fromPaths` in the section `tls`; undefined: there is none. Paths of the
 * file are relative to it, those of the environment to `folder`.
 */
export function tlsFilesOf(
  config: CastyConfig,
  folder: string,
): Readonly<Record<string, unknown>> | undefined {
  const section = Object.entries(config.section("tls"));
  if (section.length === 0) return undefined;
  return Object.fromEntries(section.map(([name, value]) => {
    if (!name.endsWith("File") || typeof value !== "string") return [name, value];
    const origin = config.originOf(`tls.${name}`);
    return [name, resolve(origin.source === "file" ? dirname(origin.file) : folder, value)];
  }));
}
