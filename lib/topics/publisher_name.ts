/**
 * Names of the nodes that publish, and who may send their messages.
 *
 * @module
 */

/** Names one run of a node: its address and incarnation. */
export function publisherName(address: string, incarnation: number): string {
  return `${address}@${incarnation}`;
}

/**
 * Names a client at the node that takes what it publishes: that node alone can speak for the name, so that
 * no other one uses up the numbers of the client.
 */
export function clientPublisherName(client: string, node: string): string {
  return `${client}|${node}`;
}

/** The name under which the message of a client counts here, as nodes before protocol changes send it. */
export function namedByTaker(publisher: string, taker: string): string {
  const isOfClient = publisher.startsWith("client:") && !publisher.includes("|");
  return isOfClient ? clientPublisherName(publisher, taker) : publisher;
}

/** A message that a node has sent here. */
export interface PassedMessage {
  readonly publisher: string;
  /** The address that the connection of the sender has proved. */
  readonly from: string;
  /** Whether it is a copy of a message that the sender has retained. */
  readonly isRetained: boolean;
}

/**
 * Whether the sender may name that publisher: itself, a client that it has taken the message of, or in a
 * copy a node that has gone since, or an earlier run of one, or a client of such a node. Otherwise a member could use up the numbers of another one, whose messages
 * would be dropped as late for as long as it runs.
 *
 * @param present Nodes that are in the cluster, with their incarnations.
 */
export function maySendFor(
  { publisher, from, isRetained }: PassedMessage,
  present: ReadonlyMap<string, number>,
): boolean {
  const node = publisher.startsWith("client:")
    ? publisher.slice(publisher.lastIndexOf("|") + 1)
    : publisher;
  // A copy of a node before the names of clients had one.
  if (node === publisher && isRetained && publisher.startsWith("client:")) return true;
  const end = node.lastIndexOf("@");
  const address = node.slice(0, end);
  if (end < 0) return false;
  if (address === from) return true;
  if (!isRetained) return false;
  const incarnation = present.get(address);
  return incarnation === undefined || Number(node.slice(end + 1)) < incarnation;
}
