/** The longest name of a type in log lines and events. */
const maxLength = 100;

/**
 * What a message is called in log lines and events: its `type`, if it is a text; otherwise the name of
 * its class, or of its JavaScript type. At most 100 characters.
 */
export function messageTypeOf(message: unknown): string {
  try {
    if (typeof message !== "object" || message === null) return kindOf(message);
    const { type } = message as { readonly type?: unknown };
    const name = typeof type === "string" ? type : message.constructor?.name || "object";
    return String(name).slice(0, maxLength);
  } catch {
    return "unreadable"; // A message may throw when it is read.
  }
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
