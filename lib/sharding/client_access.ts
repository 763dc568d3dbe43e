import type { MessageSender } from "../actor/ref/message_sender.ts";
import { matchesClient } from "../actor/services/client_policy.ts";
import type { ShardedOptions } from "./sharded_behavior.ts";

/** Which messages of clients the entities of one type take. */
export class ClientAccess {
  readonly #clients: ShardedOptions["clients"];
  readonly #reads: ShardedOptions["reads"];
  /** What a client may do, asked once for each connection. */
  readonly #known = new WeakMap<MessageSender, boolean | "read">();

  constructor({ clients, reads }: Pick<ShardedOptions, "clients" | "reads">) {
    this.#clients = clients;
    this.#reads = reads;
  }

  /** Whether a message of the client is delivered. What cannot be decided is not. */
  permits(sender: MessageSender, message: unknown): boolean {
    if (this.#clients === undefined) return true;
    let access = this.#known.get(sender);
    if (access === undefined) {
      access = matchesClient(this.#clients, sender);
      this.#known.set(sender, access);
    }
    return access === "read" ? this.#isRead(message) : access;
  }

  #isRead(message: unknown): boolean {
    try {
      return this.#reads?.(message) === true;
    } catch {
      return false;
    }
  }
}
