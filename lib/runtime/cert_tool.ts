/**
 * The tools as a user has them: the remedies of errors name them. Pure.
 *
 * @module
 */

/** An entry that is a command line. */
export type ToolEntry = "cert" | "cli" | "up";

/** A module of a package in a registry: `https://<host>/@scope/name/1.2.3/...`. */
const inPackage = /^https:\/\/[^/]+\/(@[\w-]+\/[\w-]+)\/\d[^/]*\//;

/** A tool by the URL of a module of this package, as `deno run` takes it. */
export function toolOf(moduleUrl: string, entry: ToolEntry): string {
  const [, name] = inPackage.exec(moduleUrl) ?? [];
  return name === undefined ? `${entry}.ts` : `jsr:${name}/${entry}`;
}

/** The certificate tool by the URL of a module of this package. */
export function certToolOf(moduleUrl: string): string {
  return toolOf(moduleUrl, "cert");
}

/** `cert.ts` of a checkout, or `jsr:@casty/casty/cert`. */
export const certTool: string = certToolOf(import.meta.url);
