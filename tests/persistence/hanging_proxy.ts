/**
 * A way to a server that may swallow what is sent: connections stay open, and nobody answers.
 *
 * @module
 */

/** What a proxy does with bytes of a connection. */
export type Direction = "request" | "answer";

/**
 * Decides, when bytes come, whether they and all that follow on their connection are swallowed.
 * `connection` tells connections apart.
 */
export type Swallow = (bytes: Uint8Array, direction: Direction, connection: object) => boolean;

/** Passes connections on to a port of this machine. */
export class HangingProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #open = new Set<Deno.Conn>();
  #swallow: Swallow = () => false;
  #isHanging = false;

  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** From now on a connection hangs for ever once this says so. */
  swallowWhen(swallow: Swallow): void {
    this.#swallow = swallow;
  }

  /** All connections hang, new ones too, which are accepted. */
  hang(): void {
    this.#isHanging = true;
  }

  /** Later connections work; those that hang do so for ever. */
  heal(): void {
    this.#isHanging = false;
    this.#swallow = () => false;
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.#open.add(client);
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#open.add(server);
      const state = { hangs: this.#isHanging };
      void this.#pass(client, server, "request", state);
      void this.#pass(server, client, "answer", state);
    }
  }

  async #pass(
    from: Deno.Conn,
    to: Deno.Conn,
    direction: Direction,
    state: { hangs: boolean },
  ): Promise<void> {
    try {
      for await (const bytes of from.readable) {
        state.hangs ||= this.#isHanging || this.#swallow(bytes, direction, state);
        for (let at = 0; !state.hangs && at < bytes.length;) {
          at += await to.write(bytes.subarray(at));
        }
      }
    } catch {
      // One end has reset it.
    }
    // As a firewall that has forgotten the connection: the other end hears of nothing.
    if (!state.hangs) closed(to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) closed(connection);
    await Promise.resolve();
  }
}

function closed(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is already.
  }
}
