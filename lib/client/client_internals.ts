import type { Remoting } from "../remoting/remoting.ts";

/** What tools that look into a client may see, and users may not. */
export interface ClientInternals {
  /** Its connections. */
  readonly remoting: Remoting;
}

const internals = new WeakMap<object, ClientInternals>();

/** Called by the client, once. */
export function setClientInternals(client: object, value: ClientInternals): void {
  internals.set(client, value);
}

/** The internals of a client; undefined for what is none. */
export function clientInternalsOf(client: object): ClientInternals | undefined {
  return internals.get(client);
}
