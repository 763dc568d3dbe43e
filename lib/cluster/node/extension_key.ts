/** Names what an extension exposes, with its type. Made by {@linkcode extensionKey}. */
export class ExtensionKey<out T> {
  /** Unique at a node. */
  readonly name: string;
  /** Carries the type; never set. */
  declare protected readonly api: T;

  /** @internal Use {@linkcode extensionKey}. */
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A key for `system.extension`.
 *
 * @param name unique at a node; best that of the extension.
 * @example
 * ```ts
 * import { extensionKey } from "@casty/casty/extension";
 *
 * const Uptime = extensionKey<{ milliseconds(): number }>("uptime");
 * console.assert(Uptime.name === "uptime");
 * ```
 */
export function extensionKey<T>(name: string): ExtensionKey<T> {
  return new ExtensionKey<T>(name);
}
