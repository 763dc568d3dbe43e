import { assertEquals } from "@std/assert";
import { SilentPeers } from "../../lib/gateway/node/silent_peers.ts";
import type { ServerWebSocket } from "../../lib/gateway/node/ws_types.d.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

/** A socket whose peer answers while `answers` is true. */
class Peer {
  answers = true;
  pings = 0;
  isOpen = true;
  readonly #listeners = new Map<string, () => void>();

  on(event: string, listener: () => void): void {
    this.#listeners.set(event, listener);
  }

  ping(): void {
    this.pings++;
    if (this.answers) this.#listeners.get("pong")!();
  }

  terminate(): void {
    this.isOpen = false;
    this.#listeners.get("close")!();
  }
}

Deno.test("a socket whose peer answers no ping is closed after 60 s; others stay", async () => {
  const clock = new ManualClock();
  const silentPeers = new SilentPeers(clock);
  const [alive, silent] = [new Peer(), new Peer()];
  silent.answers = false;
  for (const peer of [alive, silent]) silentPeers.add(peer as unknown as ServerWebSocket);
  await clock.advance(59_999);
  assertEquals([alive, silent].map(({ isOpen }) => isOpen), [true, true]);
  await clock.advance(1);
  assertEquals([alive, silent].map(({ isOpen }) => isOpen), [true, false]);
  await clock.advance(120_000);
  assertEquals([alive.isOpen, alive.pings, silent.pings], [true, 6, 1]);
  // Nothing is left to do once all are closed.
  alive.terminate();
  const later = new Peer();
  silentPeers.add(later as unknown as ServerWebSocket);
  await clock.advance(30_000);
  assertEquals([alive.pings, later.pings], [6, 1]);
});
