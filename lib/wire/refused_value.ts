/**
 * Words for what cannot be sent: where it is, what it is, and what to send instead.
 *
 * @module
 */

/** Longest path that is printed; the rest is an ellipsis. */
const MAX_STEPS = 12;

/** Prints keys and indices as code would: `message.items[3].callback`. */
export function formatPath(path: readonly (string | number)[]): string {
  let text = "message";
  for (const step of path.slice(0, MAX_STEPS)) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]{0,60}$/.test(step)) text += `.${step}`;
    else text += `[${JSON.stringify(step.slice(0, 60))}]`;
  }
  return path.length > MAX_STEPS ? `${text}...` : text;
}

/** "a function", "a symbol", "an instance of Socket". */
export function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return `an instance of ${className(value)}`;
}

/** What to do instead of sending `value`. */
export function remedyFor(value: unknown): string {
  if (typeof value === "function") return "send data, or a reference to an actor that acts on it";
  if (typeof value === "symbol") return "send a string";
  if (value instanceof Promise) return "await it first and send what it yields";
  if (value instanceof Uint8Array) return "copy it with Uint8Array.from(value)";
  if (value instanceof Map || value instanceof Set || value instanceof Array) {
    return "copy it into a plain Map, Set or array";
  }
  return "send a plain object with the fields that matter";
}

function className(value: object): string {
  try {
    const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
    if (typeof name === "string" && name !== "") return name.slice(0, 60);
  } catch {
    // A getter or proxy threw; the name is only for the message.
  }
  return "an unnamed class";
}
