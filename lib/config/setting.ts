import type { TextPosition } from "./toml_positions.ts";

/** Where a value comes from; a later one of these overrides an earlier one. */
export type Origin =
  | { readonly source: "default" }
  | { readonly source: "file"; readonly file: string; readonly position: TextPosition }
  | { readonly source: "environment"; readonly name: string };

/** One key with its value. */
export interface Setting {
  /** Such as `cluster.port`. */
  readonly key: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** The origin for people, such as `casty.toml:12:8`. */
export function originText(origin: Origin): string {
  switch (origin.source) {
    case "default":
      return "default";
    case "environment":
      return origin.name;
    case "file":
      return placeText(origin.file, origin.position);
  }
}

/** A place in a file. */
export function placeText(file: string, { line, column }: TextPosition): string {
  return `${file}:${line}:${column}`;
}
