/** What a person asks for with a key. */
export type KeyCommand =
  | { readonly type: "restart" | "kill" | "partition"; readonly node: number }
  | { readonly type: "status" | "help" | "quit" };

/** A key that stands before the number of a node. */
type NodeKey = "r" | "k" | "p";

const nodeCommands: Readonly<Record<NodeKey, "restart" | "kill" | "partition">> = {
  r: "restart",
  k: "kill",
  p: "partition",
};

const plainCommands: Readonly<Record<string, "status" | "help" | "quit">> = {
  s: "status",
  h: "help",
  "?": "help",
  q: "quit",
  // Raw terminals deliver Ctrl-C and Ctrl-D as keys.
  "\x03": "quit",
  "\x04": "quit",
};

/** The meaning of one key after those before it. */
export interface KeyReading {
  /** A key that waits for the number of a node. */
  readonly pending?: NodeKey;
  readonly command?: KeyCommand;
  /** For the person: what is expected, or what was not understood. */
  readonly hint?: string;
}

/**
 * Reads one key: `r`, `k` and `p` are followed by the digit of a node; white space is skipped.
 *
 * @param nodes how many nodes there are, 1 to 9.
 */
export function readKey(pending: NodeKey | undefined, key: string, nodes: number): KeyReading {
  if (/\s/.test(key)) return pending === undefined ? {} : { pending };
  const type = plainCommands[key];
  if (type !== undefined) return { command: { type } };
  const lower = key.toLowerCase();
  if (lower === "r" || lower === "k" || lower === "p") {
    return { pending: lower, hint: `${nodeCommands[lower]} which node? 1 to ${nodes}` };
  }
  if (pending === undefined) return { hint: "unknown key; h shows all keys" };
  const node = Number(key);
  if (!(node >= 1 && node <= nodes)) return { hint: `there is no node ${JSON.stringify(key)}` };
  return { command: { type: nodeCommands[pending], node } };
}
