/** Memory while a receiver does not read. */
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { Peer } from "./peer.ts";

/** What the sender reports, bytes. */
export interface Stalled {
  /** Resident before the flood, and the most while it went on. */
  readonly before: number;
  readonly peak: number;
  /** Messages that were given up, with a reason each. */
  readonly deadLetters: number;
}

/** Peak memory of both ends, in bytes. */
export interface StalledMemory {
  readonly sender: Stalled;
  readonly receiverBefore: number;
  readonly receiverPeak: number;
}

/**
 * Stops a receiver (SIGSTOP) and has another process send 500,000 messages of 100 B at it. Then
 * lets it read what was sent. Linux only.
 */
export async function stalledMemory(tls: TlsMaterial): Promise<StalledMemory> {
  const receiver = new Peer("casty", tls);
  const address = await receiver.address;
  const receiverBefore = peakOf(receiver.pid);
  try {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("./stalled_sender.ts", import.meta.url).href],
      env: {
        CASTY_BENCH_TLS: JSON.stringify(tls),
        CASTY_BENCH_PEER: address,
        CASTY_BENCH_PEER_PID: String(receiver.pid),
      },
      stderr: "inherit",
    }).output();
    if (!success) throw new Error("the sender has failed");
    const sender: Stalled = JSON.parse(new TextDecoder().decode(stdout));
    return { sender, receiverBefore, receiverPeak: peakOf(receiver.pid) };
  } finally {
    await receiver.stop();
  }
}

/** Most memory that a process had resident, bytes. */
function peakOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmHWM:\s*(\d+) kB/.exec(text)![1]) * 1_024;
}
