import type { Link, Listener, Network, TlsMaterial } from "../../../lib/runtime/network.ts";

/** A condition that a test waits for; `check` is to be called after every change. */
export class Conditions {
  readonly #waiting: { holds: () => boolean; resolve: () => void }[] = [];

  check(): void {
    for (const waiting of this.#waiting) if (waiting.holds()) waiting.resolve();
  }

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push({ holds, resolve }));
  }
}

/** One end of a connection: keeps what it receives and how it ended. */
export class End {
  received = 0;
  chunks: Uint8Array[] = [];
  closed = 0;
  error: Error | undefined;
  readonly changes = new Conditions();

  readonly link: Link;
  readonly keep: boolean;

  constructor(link: Link, keep: boolean = true) {
    this.link = link;
    this.keep = keep;
    link.onData = (chunk) => {
      this.received += chunk.length;
      if (this.keep) this.chunks.push(chunk.slice());
      this.changes.check();
    };
    link.onClose = (error) => {
      this.closed++;
      this.error = error;
      this.changes.check();
    };
  }

  send(bytes: Uint8Array | string): Promise<void> {
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    return new Promise((resolve) => this.link.write(data, resolve));
  }

  async text(length: number): Promise<string> {
    await this.changes.until(() => this.received >= length);
    return await new Blob(this.chunks as BlobPart[]).text();
  }

  ended(): Promise<void> {
    return this.changes.until(() => this.closed > 0);
  }
}

/** A listener on a loopback port that keeps what arrives and what is refused. */
export class Server implements AsyncDisposable {
  readonly ends: End[] = [];
  readonly refusals: { remote: string; reason: string }[] = [];
  readonly changes = new Conditions();
  #listener: Listener | undefined;

  static async start(
    network: Network,
    options: {
      tls?: TlsMaterial;
      host?: string;
      handshakeTimeout?: number;
      maxPendingHandshakes?: number;
      keep?: boolean;
    } = {},
  ): Promise<Server> {
    const server = new Server();
    server.#listener = await network.listen({
      host: options.host ?? "127.0.0.1",
      port: 0,
      handshakeTimeout: options.handshakeTimeout ?? 10_000,
      maxPendingHandshakes: options.maxPendingHandshakes ?? 64,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      onLink: (link) => {
        server.ends.push(new End(link, options.keep));
        server.changes.check();
      },
      onRefused: (remote, reason) => {
        server.refusals.push({ remote, reason });
        server.changes.check();
      },
    });
    return server;
  }

  get port(): number {
    return this.#listener!.port;
  }

  async end(index = 0): Promise<End> {
    await this.changes.until(() => this.ends.length > index);
    return this.ends[index]!;
  }

  async refusal(index = 0): Promise<string> {
    await this.changes.until(() => this.refusals.length > index);
    return this.refusals[index]!.reason;
  }

  async close(): Promise<void> {
    await this.#listener!.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { link } of this.ends) link.destroy();
    await this.#listener!.close();
  }
}

/** Dials a loopback port. */
export async function dial(
  network: Network,
  port: number,
  options: {
    tls?: TlsMaterial;
    serverName?: string;
    timeout?: number;
    keep?: boolean;
    host?: string;
  } = {},
): Promise<End> {
  const link = await network.dial({
    host: options.host ?? "127.0.0.1",
    port,
    serverName: options.serverName ?? "localhost",
    timeout: options.timeout ?? 10_000,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
  });
  return new End(link, options.keep);
}

/** Bytes in which every position can be told from its neighbours. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
