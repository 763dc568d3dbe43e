/**
 * Which nodes have taken messages of a client. A client that changes its node goes on counting, and what the
 * node before sends late is to be dropped; but a member may claim to have taken messages that it has not.
 *
 * @module
 */

/** Milliseconds for which messages of a client by the node before may be late, when it has changed the node. */
const changeTime = 10_000;
/** Milliseconds after which a node counts as another time new for a client. */
export const takerMemory = 600_000;
/** Clients of one node that are remembered. More are not: what that node says of them drops nothing. */
export const maxClientsOfTaker = 1_024;
/** Nodes that are remembered. */
const maxTakers = 1_024;

interface Taken {
  /** The name of the client at that node. */
  publisher: string;
  /** When the node was first heard to take messages of the client. */
  readonly since: number;
}

/** A message of a client that a node has taken. */
export interface TakenMessage {
  readonly client: string;
  /** `client|address@incarnation` of the node. */
  readonly publisher: string;
  readonly number: number;
}

/**
 * Says whether a message of a client comes behind those of a node to which it has changed. Time comes in as
 * `now`, of a clock that does not jump.
 *
 * Invariant: what one node claims drops messages of a client that other nodes take for `changeTime` within
 * `takerMemory`, whatever incarnations it names and however many clients.
 */
export class ClientTakers {
  /** By the address of the node, which its connection has proved; clients by the time since when. */
  readonly #nodes = new Map<string, Map<string, Taken>>();

  /** `latestOf`: the latest number of a publisher that was accepted. */
  isBehind(
    { client, publisher, number }: TakenMessage,
    now: number,
    latestOf: (publisher: string) => number,
  ): boolean {
    const own = addressOf(publisher);
    for (const [node, clients] of this.#nodes) {
      const taken = node === own ? undefined : clients.get(client);
      if (taken === undefined || now - taken.since >= changeTime) continue;
      if (latestOf(taken.publisher) >= number) return true;
    }
    return false;
  }

  /** A node has taken a message. */
  take({ client, publisher }: Pick<TakenMessage, "client" | "publisher">, now: number): void {
    const node = addressOf(publisher);
    let clients = this.#nodes.get(node);
    if (clients === undefined) {
      if (this.#nodes.size >= maxTakers) this.#nodes.delete(this.#nodes.keys().next().value!);
      this.#nodes.set(node, clients = new Map());
    }
    const known = clients.get(client);
    if (known !== undefined && now - known.since < takerMemory) {
      // Its next incarnation is the same node.
      known.publisher = publisher;
      return;
    }
    for (const [oldest, { since }] of clients) {
      if (now - since < takerMemory) break;
      clients.delete(oldest);
    }
    if (clients.size < maxClientsOfTaker) clients.set(client, { publisher, since: now });
  }
}

/** The address in the name of a client at a node; names of earlier versions have none. */
function addressOf(publisher: string): string {
  const node = publisher.slice(publisher.lastIndexOf("|") + 1);
  return node.slice(0, Math.max(0, node.lastIndexOf("@")));
}
