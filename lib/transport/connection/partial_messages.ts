/** A connection that holds a part of a message. */
export interface PartialOwner {
  /** Ends the connection at once. */
  destroy(reason: string, fault: boolean): void;
}

/**
 * Bounds the memory that unfinished messages, and frames of them, take, over all connections of one end. Peers that never
 * send a last chunk must not fill it: above the bound the connection with the oldest unfinished
 * message ends, since honest peers finish theirs.
 */
export class PartialMessages {
  readonly #max: number;
  /** Bytes by connection, the oldest unfinished message first. */
  readonly #held = new Map<PartialOwner, number>();
  #bytes = 0;

  /** Allows `maxPartialBytes`, and one message of `maxMessage` in any case. */
  constructor(limits: { readonly maxPartialBytes: number; readonly maxMessage: number }) {
    this.#max = Math.max(limits.maxPartialBytes, limits.maxMessage);
  }

  /** Bytes in all. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Sets the number of bytes that the connection holds; 0 when a message is complete or the
   * connection has ended.
   */
  hold(owner: PartialOwner, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(owner) ?? 0);
    if (bytes === 0) this.#held.delete(owner);
    else this.#held.set(owner, bytes);
    while (this.#bytes > this.#max) {
      const [oldest] = this.#held.keys();
      this.hold(oldest!, 0);
      const reason = `unfinished messages take more than maxPartialBytes (${this.#max})`;
      oldest!.destroy(reason, true);
    }
  }
}
