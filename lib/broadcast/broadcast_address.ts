/** Begins the paths at which nodes take messages for their instances. */
export const broadcastPrefix = "/_broadcast-";

/** What a reference to broadcast actors names. */
export interface BroadcastAddress {
  readonly name: string;
  /** Only nodes with this role have an instance; undefined: all. */
  readonly role: string | undefined;
}

/** Longest name and role together, encoded. */
const maxText = 2_000;

/** The path at which a node takes messages for its instance. */
export function instancePath(name: string): string {
  return broadcastPrefix + encodeURIComponent(name);
}

/** The path of a reference to all instances, on the wire. */
export function broadcastPath({ name, role }: BroadcastAddress): string {
  return role === undefined
    ? instancePath(name)
    : `${instancePath(name)}:${encodeURIComponent(role)}`;
}

/** What such a path names; undefined: nothing. */
export function parseBroadcastPath(path: string): BroadcastAddress | undefined {
  if (!path.startsWith(broadcastPrefix) || path.length > maxText) return undefined;
  const [name = "", role, ...more] = path.slice(broadcastPrefix.length).split(":");
  if (name === "" || role === "" || more.length > 0) return undefined;
  try {
    const decoded = decodeURIComponent(name);
    return { name: decoded, role: role === undefined ? undefined : decodeURIComponent(role) };
  } catch {
    return undefined; // It has something else behind a percent sign.
  }
}
