import { assert, assertEquals } from "@std/assert";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";

/** Pinned: a change of any of these moves entities of running clusters. */
const vectors: readonly (readonly [id: string, shards: readonly number[]])[] = [
  ["user-42", [0, 1, 11, 51, 219, 851]],
  ["alice", [0, 5, 5, 45, 169, 945]],
  ["bob", [0, 8, 8, 28, 180, 828]],
  ["carol", [0, 5, 5, 65, 153, 865]],
  ["entity-0", [0, 8, 18, 78, 198, 478]],
  ["test-counter", [0, 7, 7, 27, 231, 127]],
  ["", [0, 3, 3, 23, 11, 923]],
  ["ação", [0, 2, 2, 82, 54, 182]],
  ["hits", [0, 7, 7, 27, 139, 427]],
];

const moduli = [1, 10, 20, 100, 256, 1000];

Deno.test("the shard of an entity never changes", () => {
  for (const [id, shards] of vectors) {
    assertEquals(moduli.map((modulus) => shardOf(id, modulus)), shards, id);
  }
});

Deno.test("entities spread evenly over shards", () => {
  const counts = new Array(20).fill(0);
  for (let i = 0; i < 20_000; i++) counts[shardOf(`user-${i}`, 20)]++;
  for (const count of counts) assert(count > 850 && count < 1150, `uneven: ${counts}`);
});
