import type { MessageSender } from "../actor/ref/message_sender.ts";
import type { ClientPolicy } from "../actor/services/client_policy.ts";

/** What a client may do with a topic. `true`: publish and subscribe. */
export type TopicAccess = boolean | "publish" | "subscribe";

/** What the clients of a node may do with one topic. */
export class ClientTopicAccess {
  readonly #policy: ClientPolicy<TopicAccess> | undefined;
  /** What a client may do, asked once for each connection. */
  readonly #known = new WeakMap<MessageSender, TopicAccess>();

  /** Without a policy every client may do everything. */
  constructor(policy: ClientPolicy<TopicAccess> | undefined) {
    this.#policy = policy;
  }

  /** Whether the client may do it. What cannot be decided is not permitted. */
  permits(client: MessageSender, what: "publish" | "subscribe"): boolean {
    if (this.#policy === undefined) return true;
    let access = this.#known.get(client);
    if (access === undefined) this.#known.set(client, access = verdict(this.#policy, client));
    return access === true || access === what;
  }
}

function verdict(policy: ClientPolicy<TopicAccess>, client: MessageSender): TopicAccess {
  try {
    const access: unknown = policy(client);
    return access === true || access === "publish" || access === "subscribe" ? access : false;
  } catch {
    return false;
  }
}
