type Options = Readonly<Record<string, unknown>>;

/**
 * Options of several sources, the later ones over the earlier ones: field by field, also within
 * tables of options.
 */
export function overlaid(...sources: readonly (object | undefined)[]): Options {
  const result: Record<string, unknown> = {};
  for (const source of sources) {
    for (const [name, value] of Object.entries(source ?? {})) {
      if (value === undefined) continue;
      const before = result[name];
      result[name] = isPlain(before) && isPlain(value) ? overlaid(before, value) : value;
    }
  }
  return result;
}

/** Without the parts that set nothing. A replication without fields is one, with all defaults. */
export function whereSet<T extends Readonly<Record<string, Options>>>(parts: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(parts).filter(([, options]) => Object.keys(options).length > 0),
  ) as Partial<T>;
}

/** Not a `Map` or an object of a class. */
function isPlain(value: unknown): value is Options {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
