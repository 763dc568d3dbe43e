/**
 * Sends much over a link whose far end does not read for a while, plain and over TLS, and prints one
 * line of JSON, {@linkcode Transfer}, for each. Its first argument is TLS material as JSON.
 */
import process from "node:process";
import type { TlsMaterial } from "@casty/casty/runtime";
import type { Link } from "../../../lib/runtime/network.ts";
import { systemNetwork } from "../../../lib/transport/system_network.ts";

/** What came of a transfer. */
export interface Transfer {
  readonly over: "tcp" | "tls";
  /** Bytes that the system took while the far end did not read. */
  readonly takenWhilePaused: number;
  readonly received: number;
  /** Whether what was received is what was sent. */
  readonly intact: boolean;
  /** What the far end's close looked like: undefined, or the error. */
  readonly closedWith?: string;
}

const chunkSize = 1 << 20;
const size = 16 * chunkSize;
/** What is sent. Made before a connection is, so that no deadline runs meanwhile. */
const bytes = new Uint8Array(size);
for (let index = 0; index < size; index++) bytes[index] = index * 31 + (index >> 8);

async function transfer(over: Transfer["over"], tls: TlsMaterial | undefined): Promise<Transfer> {
  const { promise: accepted, resolve: accept } = Promise.withResolvers<Link>();
  let received = 0;
  let intact = true;
  const all = Promise.withResolvers<void>();
  const paused = Promise.withResolvers<void>();
  const listener = await systemNetwork.listen({
    host: "127.0.0.1",
    port: 0,
    ...(tls && { tls }),
    handshakeTimeout: 30_000,
    maxPendingHandshakes: 4,
    onLink: (link) => {
      link.onData = (chunk) => {
        if (received === 0) {
          link.pause();
          paused.resolve();
        }
        for (let at = 0; at < chunk.length; at += 1_021) {
          if (chunk[at] !== bytes[received + at]) intact = false;
        }
        received += chunk.length;
        if (received === size) all.resolve();
      };
      accept(link);
    },
    onRefused: (_remote, reason) => all.reject(new Error(reason)),
  });
  const link = await systemNetwork.dial({
    host: "127.0.0.1",
    port: listener.port,
    serverName: "127.0.0.1",
    ...(tls && { tls }),
    timeout: 30_000,
  });
  const closed = new Promise<Error | undefined>((resolve) => link.onClose = resolve);
  let sent = 0;
  const sendNext = () => {
    if (sent === size) return;
    link.write(bytes.subarray(sent, sent + chunkSize), () => {
      sent += chunkSize;
      sendNext();
    });
  };
  sendNext();
  const far = await accepted;
  await paused.promise;
  // Until nothing moves any more: the buffers between the two are full.
  let before = -1;
  while (sent > before) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const takenWhilePaused = sent;
  far.resume();
  await all.promise;
  far.close();
  const error = await closed;
  await listener.close();
  return { over, takenWhilePaused, received, intact, ...(error && { closedWith: error.message }) };
}

console.log(JSON.stringify(await transfer("tcp", undefined)));
console.log(JSON.stringify(await transfer("tls", JSON.parse(process.argv[2]!))));
process.exit(0);
