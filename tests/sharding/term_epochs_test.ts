import { assert } from "@std/assert";
import { World } from "./shard_world.ts";

Deno.test("grants of a coordinator that was cut off and of its successor have different epochs", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World({ seed, eagerGrants: 0 });
    for (const address of "abcde") world.join(address);
    world.run(2_000);
    const owners = new Map<string, string>();
    let highest = 0;
    world.onControl = (_from, to, message) => {
      if (message.type !== "startShard") return;
      const { shardType, shard, epoch } = message;
      const grant = `${shardType} ${shard} epoch ${epoch}`;
      const owner = owners.get(grant) ?? to;
      assert(owner === to, `seed ${seed}: ${grant} is granted to ${owner} and to ${to}`);
      owners.set(grant, to);
      highest = Math.max(highest, epoch);
    };
    world.cut(["a", "b"]);
    world.run(2_000);
    const tell = (addresses: string) => {
      for (const address of addresses) {
        for (let id = 0; id < 30; id++) world.find(address)?.tell("one", `entity-${id}`);
      }
    };
    // The first leader keeps granting shards that were not requested before.
    tell("ab");
    world.run(1_000);
    const inMinority = highest;
    world.decide(0);
    tell("cde");
    world.run(6_000);
    assert(inMinority > 0, `seed ${seed}: nothing was granted on the side of the first leader`);
    assert(highest > inMinority, `seed ${seed}: a later grant must have a higher epoch`);
  }
});
