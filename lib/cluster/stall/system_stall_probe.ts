import type { TlsMaterial } from "../../runtime/network.ts";
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
const extraPause = 15_000;

/**
 * Stall responders of this machine: a thread with a listener of its own, since a socket of
 * `node:tls` belongs to one thread and cannot be handed to another.
 */
export const systemStallProbe: StallProbe = {
  serve: (options) => WorkerResponder.start(options),
  ask: (question) => askStallResponder(systemNetwork, systemClock, question),
};

/** Beside this file, wherever that is: on a disk or at a registry. */
function workerModule(): URL {
  return new URL("./heartbeat_worker.ts", import.meta.url);
}

/** Without this, a process on a terminal would stop and ask. */
async function checkPermission(): Promise<void> {
  const module = workerModule();
  const permission: Deno.PermissionDescriptor = module.protocol === "file:"
    ? { name: "read", path: module }
    : { name: "import", host: module.host };
  const { state } = await Deno.permissions.query(permission);
  if (state === "granted") return;
  throw new ClusterError(
    "stallResponderFailed",
    `the permission ${permission.name} for ${module.href} is ${state}`,
  );
}

class WorkerResponder implements StallResponder {
  readonly #worker: Worker;
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #options: StallResponderOptions;
  #port = 0;
  #unsubscribe: (() => Promise<void>) | undefined;
  #onMessage: (message: FromWorker) => void = () => {};
  #onError: (reason: string) => void = () => {};
  #closed = false;

  private constructor(options: StallResponderOptions) {
    this.#options = options;
    const worker = new Worker(workerModule().href, {
      type: "module",
      name: "casty heartbeat",
    });
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#onMessage(data);
    worker.onerror = (event) => {
      // Otherwise the whole process would end.
      event.preventDefault();
      this.#onError(event.message);
    };
  }

  static async start(options: StallResponderOptions): Promise<StallResponder> {
    await checkPermission();
    const responder = new WorkerResponder(options);
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
      if (event.type === "tlsReloaded") this.#tell({ type: "renew", tls: materialOf(tls) });
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
      const timer = systemClock.schedule(extraPause, () => fail(`no answer in ${extraPause} ms`));
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
    this.#worker.postMessage(message);
  }

  #end(): void {
    this.#worker.terminate();
  }
}

function materialOf({ cert, key, ca }: TlsMaterial): WorkerMaterial {
  return { cert, key, ca };
}
