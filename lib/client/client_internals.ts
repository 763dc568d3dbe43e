import type { Remoting } from "../remoting/remoting.ts";

/** Internals of a client for tools, hidden from users. */
export interface ClientInternals {
  /** Its connections. */
  readonly remoting: Remoting;
}

const internals = new WeakMap<object, ClientInternals>();

/** Called by the client, once. */
export function setClientInternals(client: object, value: ClientInternals): void {
  internals.set(client, value);
}

/** The internals of a client; undefined for another value. */
export function clientInternalsOf(client: object): ClientInternals | undefined {
  return internals.get(client);
}
