/** Memory while a receiver does not read. */
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { Peer } from "./peer.ts";

/** The report of the sender, in bytes. */
export interface Stalled {
  /** Resident memory before the flood, and its peak during the flood. */
  readonly before: number;
  readonly peak: number;
  /** The number of dead letters. */
  readonly deadLetters: number;
}

/** Peak memory of both ends, in bytes. */
export interface StalledMemory {
  readonly sender: Stalled;
  readonly receiverBefore: number;
  readonly receiverPeak: number;
}

/**
 * Stops a receiver (SIGSTOP) while another process sends 500,000 messages of 100 B to it. Then the
 * receiver continues and reads them. Linux only.
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

/** The peak resident memory of a process, in bytes. */
function peakOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmHWM:\s*(\d+) kB/.exec(text)![1]) * 1_024;
}
