/**
 * The certificate tool as a user has it: the remedies of errors name it. Pure.
 *
 * @module
 */

/** A module of a package in a registry: `https://<host>/@scope/name/1.2.3/...`. */
const inPackage = /^https:\/\/[^/]+\/(@[\w-]+\/[\w-]+)\/\d[^/]*\//;

/** The tool by the URL of a module of this package, as `deno run` takes it. */
export function certToolOf(moduleUrl: string): string {
  const [, name] = inPackage.exec(moduleUrl) ?? [];
  return name === undefined ? "cert.ts" : `jsr:${name}/cert`;
}

/** `cert.ts` of a checkout, or `jsr:@casty/casty/cert`. */
export const certTool: string = certToolOf(import.meta.url);
