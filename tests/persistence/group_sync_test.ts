import { assertEquals } from "@std/assert";
import { GroupSync } from "../../lib/persistence/sqlite/group_sync.ts";

/** A disk whose waits end when the test says so. */
class Disk {
  readonly waits: PromiseWithResolvers<void>[] = [];
  readonly failures: unknown[] = [];
  readonly group = new GroupSync(() => {
    const wait = Promise.withResolvers<void>();
    this.waits.push(wait);
    return wait.promise;
  }, (error) => this.failures.push(error));

  /** What has become of a call. */
  call(): () => string {
    let state = "pending";
    this.group.wait().then(() => state = "durable", (error) => state = error.message);
    return () => state;
  }
}

/** Until what was settled is known everywhere. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("a wait for the disk that has begun before proves nothing; those that come meanwhile share one", async () => {
  const disk = new Disk();
  const first = disk.call();
  const others = [disk.call(), disk.call()];
  assertEquals(disk.waits.length, 1, "waits do not overlap");
  disk.waits[0]!.resolve();
  await turn();
  assertEquals([first(), ...others.map((state) => state())], ["durable", "pending", "pending"]);
  assertEquals(disk.waits.length, 2);
  const last = disk.call();
  disk.waits[1]!.resolve();
  await turn();
  assertEquals([...others.map((state) => state()), last()], ["durable", "durable", "pending"]);
  disk.waits[2]!.resolve();
  await turn();
  assertEquals([last(), disk.waits.length], ["durable", 3]);
});

Deno.test("a wait for the disk that has failed is not repeated, and fails all that come after it", async () => {
  const disk = new Disk();
  const states = [disk.call(), disk.call()];
  disk.waits[0]!.reject(new Error("input/output error"));
  await turn();
  states.push(disk.call());
  await turn();
  assertEquals(states.map((state) => state()), Array(3).fill("input/output error"));
  assertEquals([disk.waits.length, disk.failures.length], [1, 1]);
});

Deno.test("a store that ends while the disk is waited for fails those that come for the next wait", async () => {
  const disk = new Disk();
  const states = [disk.call(), disk.call()];
  disk.group.fail(new Error("closed"));
  disk.waits[0]!.resolve();
  await turn();
  assertEquals(states.map((state) => state()), ["durable", "closed"]);
  assertEquals(disk.waits.length, 1);
});
