import { simulate } from "../../../lib/testkit/mod.ts";
import { rememberedOnDisk } from "./disks.ts";

const found: readonly (readonly [seed: number, what: string])[] = [
  [41, "a new owner takes over a saved list that is newer than what nodes remember"],
  [59, "a list that was saved in a partition is not lost"],
  [118, "a shard is granted again when its coordinator fails in a hand-off"],
];

for (const [seed, what] of found) {
  Deno.test(`remembered entities on failing disks, seed ${seed}: ${what}`, async () => {
    await simulate({ seed, failures: false, shrink: 0 }, rememberedOnDisk);
  });
}
