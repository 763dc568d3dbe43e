import { assertEquals } from "@std/assert";
import { ServiceWithdrawal } from "../../lib/cluster/node/service_withdrawal.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

/** A node that leaves, and those that may send to its services. */
class Scene {
  readonly clock = new ManualClock();
  readonly peers = new Set<string>();
  readonly told: string[] = [];
  readonly withdrawal: ServiceWithdrawal;
  /** When it was over. */
  endedAt: number | undefined;

  constructor(...peers: readonly string[]) {
    for (const peer of peers) this.peers.add(peer);
    this.withdrawal = new ServiceWithdrawal({
      clock: this.clock,
      peers: () => this.peers,
      send: (to, { type }) => this.told.push(`${type} ${to}`),
    });
  }

  run(timeout = 5_000): void {
    this.withdrawal.run(timeout).then(() => this.endedAt = this.clock.now());
  }
}

Deno.test("a node that leaves waits until all that send to it have answered", async () => {
  const scene = new Scene("a:1", "client:1");
  scene.run();
  assertEquals(scene.told.splice(0), ["withdraw a:1", "withdraw client:1"]);
  scene.withdrawal.onWithdrawn("a:1");
  await scene.clock.advance(100);
  assertEquals(scene.endedAt, undefined);
  scene.withdrawal.onWithdrawn("client:1");
  await scene.clock.advance(1);
  assertEquals(scene.endedAt, 100);
  assertEquals(scene.told, []);
});

Deno.test("one that has not answered is told again, and one that connects later is told, too", async () => {
  const scene = new Scene("a:1", "b:1");
  scene.run();
  scene.withdrawal.onWithdrawn("a:1");
  scene.peers.add("client:late");
  scene.told.length = 0;
  await scene.clock.advance(250);
  assertEquals(scene.told, ["withdraw b:1", "withdraw client:late"]);
  scene.withdrawal.onWithdrawn("b:1");
  scene.withdrawal.onWithdrawn("client:late");
  await scene.clock.advance(1);
  assertEquals(scene.endedAt, 250);
});

Deno.test("one that is not a member any more, or has disconnected, is not waited for", async () => {
  const scene = new Scene("a:1", "b:1");
  scene.run();
  scene.peers.delete("b:1");
  scene.withdrawal.onWithdrawn("a:1");
  await scene.clock.advance(1);
  assertEquals(scene.endedAt, 0);
});

Deno.test("those that never answer hold a node up for 2 s, and no longer than its timeout", async () => {
  for (const [timeout, ended] of [[5_000, 2_000], [300, 300], [0, 0]] as const) {
    const scene = new Scene("silent:1");
    scene.run(timeout);
    await scene.clock.advance(10_000);
    assertEquals(scene.endedAt, ended);
    assertEquals(scene.clock.pending, 0);
  }
});

Deno.test("a node that is alone leaves at once", async () => {
  const scene = new Scene();
  scene.run();
  await scene.clock.advance(1);
  assertEquals(scene.endedAt, 0);
});
