import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { describe, describeAll } from "./describe.ts";
import { TestkitError } from "./errors.ts";
import { sameValue } from "./same_value.ts";

let lastUid = 0;

/** A reference that passes each message to a function. */
export class InboxRef extends Ref<unknown> {
  readonly path: string;
  readonly uid: number;
  readonly #take: (message: unknown) => void;

  /** Two of one path are not equal. */
  constructor(path: string, take: (message: unknown) => void) {
    super();
    this.path = path;
    this.uid = ++lastUid;
    this.#take = take;
  }

  override get node(): string {
    return "";
  }

  override tell(message: unknown): void {
    this.#take(message);
  }
}

/**
 * Keeps the messages to a reference, without a system and without an actor (Pekko's `TestInbox`).
 * For tests that run synchronously.
 *
 * @example
 * ```ts
 * import { TestInbox } from "@casty/casty/testkit";
 *
 * const inbox = new TestInbox<string>("listener");
 * inbox.ref.tell("hello");
 * inbox.expectMessage("hello");
 * console.assert(!inbox.hasMessages);
 * ```
 */
export class TestInbox<M> {
  /** The reference for the behaviour under test. */
  readonly ref: ActorRef<M>;
  #messages: M[] = [];

  /** `name` becomes the reference's path. Default `"inbox"`. */
  constructor(name = "inbox") {
    this.ref = new InboxRef(`/${name}`, (message) => void this.#messages.push(message as M));
  }

  /** Whether there is a message. */
  get hasMessages(): boolean {
    return this.#messages.length > 0;
  }

  /**
   * Takes the oldest message.
   *
   * @throws {TestkitError} code `inboxEmpty`.
   */
  receiveMessage(): M {
    if (this.#messages.length > 0) return this.#messages.shift()!;
    throw new TestkitError("inboxEmpty", `nothing was told to ${this.ref.path}`, {
      value: this.ref.path,
    });
  }

  /** Takes all messages, the oldest first. */
  receiveAll(): M[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }

  /**
   * Takes the oldest message, which must be equal to `expected` in all its parts.
   *
   * @throws {TestkitError} code `expectationFailed`.
   */
  expectMessage<T extends M>(expected: T): T {
    if (this.hasMessages && sameValue(this.#messages[0], expected)) {
      return this.#messages.shift() as T;
    }
    const came = this.hasMessages ? `but got ${describe(this.#messages[0])}` : "but nothing came";
    throw new TestkitError(
      "expectationFailed",
      `${this.ref.path} expected ${describe(expected)}, ${came}\n` +
        `in the inbox: ${describeAll(this.#messages)}`,
      { value: this.#messages[0] },
    );
  }
}
