/**
 * The thread of a stall responder. Started by `system_stall_probe.ts`; imports nothing that the
 * node's own thread does not import already.
 *
 * @module
 */
import type { IdentityFunction, IdentityPatterns } from "../../runtime/identity_mapping.ts";
import type { RevocationData, TlsMaterial } from "../../runtime/network.ts";
import { platform } from "../../runtime/platform.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { systemNetwork } from "../../transport/system_network.ts";
import { revocationJudge } from "../../transport/tls/revocation_judge.ts";
import { HeartbeatResponder } from "./heartbeat_responder.ts";

/**
 * A node's material, without functions: they cannot be handed to a thread. `"function"`: its option
 * `identity` is one.
 */
export interface WorkerMaterial extends Pick<TlsMaterial, "cert" | "key" | "ca"> {
  readonly identity: IdentityPatterns | "function" | undefined;
  /** Undefined: nothing is revoked. */
  readonly revocation: RevocationData | undefined;
}

/** A message from the node's thread to the worker. */
export type ToWorker =
  | {
    readonly type: "start";
    readonly host: string;
    readonly port: number;
    readonly tls: WorkerMaterial | undefined;
    readonly incarnation: number;
    readonly beats: SharedArrayBuffer;
  }
  | { readonly type: "renew"; readonly tls: WorkerMaterial }
  | { readonly type: "close" };

/** A message from the worker to the node's thread. */
export type FromWorker =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly reason: string }
  | { readonly type: "closed" };

let material: TlsMaterial | undefined;
let responder: HeartbeatResponder | undefined;

async function start(message: Extract<ToWorker, { type: "start" }>): Promise<void> {
  const { host, port, tls, incarnation, beats } = message;
  try {
    material = tls && materialOf(tls);
    responder = await HeartbeatResponder.start(systemNetwork, systemClock, {
      host,
      port,
      incarnation,
      beats: new Int32Array(beats),
      ...(material && { tls: material }),
    });
    post({ type: "listening", port: responder.port });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    post({ type: "failed", reason });
  }
}

/**
 * Stands for a function that this thread does not have: every peer is judged by what a node's
 * certificate needs (both usages and a host), which that of a client does not have.
 */
const anyNode: IdentityFunction = () => ({ role: "node", name: "node", trustDomain: "any" });

function materialOf({ identity, revocation, ...texts }: WorkerMaterial): TlsMaterial {
  return {
    ...texts,
    ...(identity !== undefined && { identity: identity === "function" ? anyNode : identity }),
    ...(revocation !== undefined && { judge: revocationJudge(revocation, texts, systemClock) }),
  };
}

const parent = platform.threads.parent((message) => receive(message as ToWorker));

function post(message: FromWorker): void {
  parent.post(message);
}

function receive(data: ToWorker): void {
  switch (data.type) {
    case "start":
      return void start(data);
    case "renew":
      // Read anew at each handshake.
      if (material !== undefined) Object.assign(material, materialOf(data.tls));
      return;
    case "close":
      void (async () => {
        await responder?.close();
        post({ type: "closed" });
      })();
  }
}
