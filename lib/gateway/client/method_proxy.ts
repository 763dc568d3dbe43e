/** An object with a method for each name that is asked of it: the names are in the types only. */
export function methods(
  call: (name: string, input: unknown, options: unknown) => Promise<unknown>,
): object {
  return new Proxy(Object.create(null), {
    get(_target, name) {
      // It is no promise, and not to be printed as one.
      if (typeof name !== "string" || name === "then" || name === "toJSON") return undefined;
      return (input?: unknown, options?: unknown) => call(name, input, options);
    },
  });
}
