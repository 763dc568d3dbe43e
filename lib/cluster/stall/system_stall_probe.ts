import type { TlsMaterial } from "../../runtime/network.ts";
import { platform } from "../../runtime/platform.ts";
import type { Thread, ThreadEvents } from "../../runtime/platform_port.ts";
import type {
  StallProbe,
  StallResponder,
  StallResponderOptions,
} from "../../runtime/stall_probe.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { systemNetwork } from "../../transport/system_network.ts";
import { ClusterError } from "../errors.ts";
import { askStallResponder } from "./heartbeat_query.ts";
import type { FromWorker, ToWorker, WorkerMaterial } from "./heartbeat_worker.ts";

/** How long the worker may take to start or to close, milliseconds. */
const workerTimeout = 15_000;

/**
 * Stall responders of this machine: a thread with a separate listener, since a socket of `node:tls`
 * belongs to one thread and cannot be handed to another.
 */
export const systemStallProbe: StallProbe = {
  serve: (options) => WorkerResponder.start(options),
  ask: (request) => askStallResponder(systemNetwork, systemClock, request),
};

/** Beside this file, wherever that is: on a disk or at a registry, which may have compiled it. */
function workerModule(): URL {
  const ending = import.meta.url.endsWith(".js") ? "js" : "ts";
  return new URL(`./heartbeat_worker.${ending}`, import.meta.url);
}

async function startThread(events: ThreadEvents): Promise<Thread> {
  try {
    return await platform.threads.start(workerModule(), "casty heartbeat", events);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ClusterError("stallResponderFailed", why, { cause });
  }
}

class WorkerResponder implements StallResponder {
  #thread: Thread | undefined;
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #options: StallResponderOptions;
  #port = 0;
  #unsubscribe: (() => Promise<void>) | undefined;
  #onMessage: (message: FromWorker) => void = () => {};
  #onError: (reason: string) => void = () => {};
  #closed = false;

  private constructor(options: StallResponderOptions) {
    this.#options = options;
  }

  static async start(options: StallResponderOptions): Promise<StallResponder> {
    const responder = new WorkerResponder(options);
    responder.#thread = await startThread({
      onMessage: (message) => responder.#onMessage(message as FromWorker),
      onError: (reason) => responder.#onError(reason),
    });
    try {
      await responder.#open();
      return responder;
    } catch (error) {
      responder.#end();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  beat(): void {
    Atomics.add(this.#beats, 0, 1);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#unsubscribe?.();
    await this.#reply({ type: "close" }, "closed").catch(() => {});
    this.#end();
  }

  async #open(): Promise<void> {
    const { host, port, tls, incarnation } = this.#options;
    const answer = await this.#reply({
      type: "start",
      host,
      port,
      tls: tls && materialOf(tls),
      incarnation,
      beats: this.#beats.buffer as SharedArrayBuffer,
    }, "listening");
    this.#port = answer.port;
    this.#onError = (reason) => {
      if (this.#closed) return;
      this.#closed = true;
      void this.#unsubscribe?.();
      this.#end();
      this.#options.onEnd(reason);
    };
    this.#unsubscribe = tls?.subscribe?.((event) => {
      // Also if a part of the change cannot be used: the rest is in force.
      if (event.type !== "tlsReloaded" && event.type !== "tlsReloadFailed") return;
      this.#tell({ type: "renew", tls: materialOf(tls) });
    });
  }

  #reply<T extends FromWorker["type"]>(
    message: ToWorker,
    type: T,
  ): Promise<Extract<FromWorker, { type: T }>> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => {
        timer.cancel();
        reject(new ClusterError("stallResponderFailed", `the stall responder failed: ${reason}`));
      };
      const timer = systemClock.schedule(
        workerTimeout,
        () => fail(`no answer within ${workerTimeout} ms`),
      );
      this.#onError = fail;
      this.#onMessage = (answer) => {
        if (answer.type === "failed") return fail(answer.reason);
        if (answer.type !== type) return;
        timer.cancel();
        resolve(answer as Extract<FromWorker, { type: T }>);
      };
      this.#tell(message);
    });
  }

  #tell(message: ToWorker): void {
    this.#thread?.post(message);
  }

  #end(): void {
    this.#thread?.terminate();
  }
}

function materialOf({ cert, key, ca, identity, revocation }: TlsMaterial): WorkerMaterial {
  return {
    cert,
    key,
    ca,
    identity: typeof identity === "function" ? "function" : identity,
    revocation: revocation?.(),
  };
}
