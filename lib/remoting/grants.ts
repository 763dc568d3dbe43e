/**
 * The actors that a client may send to, besides those open to all clients: those whose references
 * this node has sent to that client. A reference is a capability; a guessed path is not.
 */
export class Grants {
  readonly #byClient = new Map<string, Set<string>>();
  readonly #maxPerClient: number;

  /** `maxPerClient`: how many references one client may hold; the oldest is forgotten first. */
  constructor(maxPerClient = 10_000) {
    this.#maxPerClient = maxPerClient;
  }

  /** Lets the client send to the path. */
  grant(client: string, path: string): void {
    let paths = this.#byClient.get(client);
    if (paths === undefined) {
      paths = new Set();
      this.#byClient.set(client, paths);
    }
    paths.delete(path);
    paths.add(path);
    if (paths.size > this.#maxPerClient) {
      for (const oldest of paths) {
        paths.delete(oldest);
        break;
      }
    }
  }

  /** Whether the client may send to the path. */
  allows(client: string, path: string): boolean {
    return this.#byClient.get(client)?.has(path) ?? false;
  }

  /** The client is gone. */
  revokeAll(client: string): void {
    this.#byClient.delete(client);
  }
}
