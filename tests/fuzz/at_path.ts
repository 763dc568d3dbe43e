import type { Draws } from "./draws.ts";

/** Makes one message. */
export interface Generator {
  /** Where it is sent. */
  readonly path: string | ((draws: Draws) => string);
  readonly make: (draws: Draws) => unknown;
}

/** By section of the page and message type, or path where a path has one message. */
export type Generators = Readonly<Record<string, Generator>>;

/** Adds the section, the path and the type to the messages of one path. */
export function atPath(
  section: string,
  path: Generator["path"],
  messages: Readonly<Record<string, (draws: Draws) => Record<string, unknown>>>,
): Generators {
  return Object.fromEntries(
    Object.entries(messages).map(([type, make]) => [
      `${section}/${type}`,
      { path, make: (draws: Draws) => ({ type, ...make(draws) }) },
    ]),
  );
}
