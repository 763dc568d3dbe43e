import type { Clock } from "../../runtime/clock.ts";
import type { Link, Network } from "../../runtime/network.ts";
import type { StallAnswer, StallRequest } from "../../runtime/stall_probe.ts";
import { TransportError } from "../../transport/base/errors.ts";
import { ByteIntake, decodeResponse, encodeRequest, responseLength } from "./heartbeat_protocol.ts";

/** An event loop that ran within this number of milliseconds is not stalled. */
const aliveWithin = 1_000;

const unknown: StallAnswer = { outcome: "unknown", ms: 0 };

/** Probes a stall responder over a separate link. Never rejects. */
export async function askStallResponder(
  network: Network,
  clock: Clock,
  request: StallRequest,
): Promise<StallAnswer> {
  const { host, port, serverName, timeout, tls, incarnation } = request;
  const started = clock.now();
  let link: Link;
  try {
    link = await network.dial({ host, port, serverName, timeout, ...(tls && { tls }) });
  } catch (error) {
    const refused = error instanceof TransportError && error.code === "connectionRefused";
    return refused ? { outcome: "gone", ms: 0 } : unknown;
  }
  const rest = Math.max(0, timeout - (clock.now() - started));
  const bytes = await responseOf(link, clock, rest);
  const reading = bytes && decodeResponse(bytes);
  if (reading === undefined) return unknown;
  if (reading.incarnation !== incarnation) return { outcome: "gone", ms: 0 };
  const { stalledFor } = reading;
  return { outcome: stalledFor < aliveWithin ? "alive" : "stalled", ms: stalledFor };
}

function responseOf(link: Link, clock: Clock, timeout: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const intake = new ByteIntake(responseLength);
    const end = (bytes?: Uint8Array) => {
      timer.cancel();
      link.destroy();
      resolve(bytes);
    };
    const timer = clock.schedule(timeout, () => end());
    link.onClose = () => end();
    link.onData = (chunk) => {
      const bytes = intake.take(chunk);
      if (bytes !== undefined) end(bytes || undefined);
    };
    link.write(encodeRequest(), () => {});
  });
}
