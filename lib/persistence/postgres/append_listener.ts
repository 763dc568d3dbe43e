// @ts-types="./pg_types.d.ts"
import pg, { type Client } from "pg";
import { backoffDelay } from "../../runtime/backoff.ts";
import type { Timer } from "../../runtime/clock.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { systemRandom } from "../../runtime/system_random.ts";
import { channel } from "./statements.ts";

const delays = { min: 100, max: 5_000, jitter: [0.5, 1] } as const;

/** What a listener needs. */
export interface AppendListenerPort {
  readonly url: string;
  /** What this process sends when it appends. */
  readonly own: string;
  /** Milliseconds within which the server is to answer. */
  readonly timeout: number;
  readonly onAppended: () => void;
}

/**
 * A connection that hears of appends of other processes. When it was interrupted it calls back as
 * well: what happened meanwhile is not known.
 */
export class AppendListener {
  readonly #port: AppendListenerPort;
  #client: Client | undefined;
  #timer: Timer | undefined;
  #attempt = 0;
  #isEnded = false;

  /** Connects. */
  constructor(options: AppendListenerPort) {
    this.#port = options;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    const { url, own, timeout, onAppended } = this.#port;
    const client = new pg.Client({
      connectionString: url,
      application_name: "casty",
      connectionTimeoutMillis: timeout,
      query_timeout: timeout,
    });
    this.#client = client;
    let isOver = false;
    const onEnd = () => {
      if (isOver || this.#isEnded) return;
      isOver = true;
      client.end().catch(() => {});
      const delay = backoffDelay(delays, this.#attempt++, systemRandom.next());
      this.#timer = systemClock.schedule(delay, () => void this.#connect());
    };
    client.on("error", onEnd);
    client.on("end", onEnd);
    client.on("notification", ({ payload }) => {
      if (payload !== own) onAppended();
    });
    try {
      await client.connect();
      if (this.#isEnded) return void client.end().catch(() => {});
      await client.query(`listen ${channel}`);
      this.#attempt = 0;
      onAppended();
    } catch {
      onEnd();
    }
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#timer?.cancel();
    const client = this.#client;
    if (client === undefined) return;
    // A server that does not answer does not end its side either.
    const limit = systemClock.schedule(
      this.#port.timeout,
      () => client.connection?.stream.destroy(),
    );
    await client.end().catch(() => {});
    limit.cancel();
  }
}
