/**
 * What errors of a PostgreSQL server mean, for all that talks to one.
 *
 * @module
 */

/**
 * Times `statementTimeout` after which a connection without an answer counts as lost: a server that works
 * has ended the statement by then.
 */
export const answeredWithin = 1.5;

/**
 * Codes of errors that refuse a statement and nothing else, by SQLSTATE: what a server says of the severity
 * is in its own language (`lc_messages`).
 */
const refusals = /^(0A|2[1-4]|40|42|44|55|57014|P0)/;

function isError(severity: unknown, code: string): boolean {
  return severity === "ERROR" || refusals.test(code);
}

/** Whether the server itself has refused a statement, and so has not done it. */
export function isRefusal(error: unknown): boolean {
  const { code, severity } = error as { readonly code?: unknown; readonly severity?: unknown };
  // FATAL and PANIC end the connection, perhaps after the commit (57P01: the server shuts down).
  return typeof code === "string" && typeof severity === "string" && isError(severity, code);
}

/** What an error says, for messages. */
export function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}

/** A URL for logs. */
export function withoutPassword(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return "postgres";
  }
}

/**
 * Whether an error of a statement says nothing about the statement: a lost connection, a deadlock, a
 * server without resources, or one that shuts down (classes 08, 40, 53, 55, 57, 58 of SQLSTATE).
 */
export function isPassing(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as {
    readonly code?: unknown;
    readonly severity?: unknown;
  };
  if (typeof severity !== "string" || typeof code !== "string") return false;
  return !isError(severity, code) || /^(08|40|53|55|57|58)/.test(code);
}
