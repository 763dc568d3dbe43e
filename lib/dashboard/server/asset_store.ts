import { assets } from "../generated/page_assets.ts";

/** A file of the page. */
export interface Asset {
  /** Its media type. */
  readonly type: string;
  /** Its content, compressed. */
  readonly gzip: Uint8Array<ArrayBuffer>;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  txt: "text/plain; charset=utf-8",
};

const decoded = new Map<string, Asset>();

/** The file of a name; undefined: there is none. */
export function assetNamed(name: string): Asset | undefined {
  const known = decoded.get(name);
  if (known !== undefined) return known;
  if (!Object.hasOwn(assets, name)) return undefined;
  const text = atob(assets[name]!);
  const gzip = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const asset = { type: types[name.split(".").at(-1)!]!, gzip };
  decoded.set(name, asset);
  return asset;
}

/** The names of all files. */
export function assetNames(): readonly string[] {
  return Object.keys(assets);
}
