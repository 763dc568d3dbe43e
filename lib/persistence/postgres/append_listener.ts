// @ts-types="./pg_types.d.ts"
import pg, { type Client } from "pg";
import { backoffDelay } from "../../runtime/backoff.ts";
import type { Timer } from "../../runtime/clock.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { systemRandom } from "../../runtime/system_random.ts";
import { channel } from "./statements.ts";

const delays = { min: 100, max: 5_000, jitter: [0.5, 1] } as const;

/**
 * A connection that hears of appends of other processes. When it was interrupted it calls back as
 * well: what happened meanwhile is not known.
 */
export class AppendListener {
  readonly #url: string;
  readonly #own: string;
  readonly #onAppended: () => void;
  #client: Client | undefined;
  #timer: Timer | undefined;
  #attempt = 0;
  #isEnded = false;

  /** `own`: what this process sends when it appends. */
  constructor(url: string, own: string, onAppended: () => void) {
    this.#url = url;
    this.#own = own;
    this.#onAppended = onAppended;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#url, application_name: "casty" });
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
      if (payload !== this.#own) this.#onAppended();
    });
    try {
      await client.connect();
      if (this.#isEnded) return void client.end().catch(() => {});
      await client.query(`listen ${channel}`);
      this.#attempt = 0;
      this.#onAppended();
    } catch {
      onEnd();
    }
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#timer?.cancel();
    await this.#client?.end().catch(() => {});
  }
}
