import { assert } from "@std/assert";
import type { ShardingMachine } from "../../lib/sharding/sharding_machine.ts";
import { runSeed } from "./shard_scenarios.ts";

/** A rule, the text that makes it, and the text without it. */
interface Rule {
  readonly rule: string;
  readonly file: string;
  readonly text: string;
  readonly without: string;
}

const rules: readonly Rule[] = [
  {
    rule: "a new coordinator grants nothing before all have told what they run",
    file: "coordinator/coordinator.ts",
    text: 'this.#awaiting.size > 0 ? "recovering" : "active"',
    without: '"active"',
  },
  {
    rule: "a shard is given away only when its owner has stopped its entities",
    file: "region/region.ts",
    text: 'return this.#held[shard] === held ? "stopping" : "stopped";',
    without: 'done(); return "stopped";',
  },
  {
    rule: "newer messages wait for those that went another way",
    file: "routing/shard_routes.ts",
    text: "if (via === undefined || via === owner) {",
    without: "if (true) {",
  },
  {
    rule: "a mark behind the older messages ends the wait of newer ones",
    file: "routing/protocol.ts",
    text: "value.length !== 5",
    without: "true",
  },
];

const lib = new URL("../../lib/", import.meta.url);

/** The implementation without a rule. */
async function without(
  { file, text, without }: Rule,
  folder: string,
): Promise<typeof ShardingMachine> {
  const copy = new Deno.Command("cp", { args: ["-r", lib.pathname, `${folder}/lib`] });
  assert((await copy.output()).success);
  const path = `${folder}/lib/sharding/${file}`;
  const source = await Deno.readTextFile(path);
  assert(source.includes(text), `${file} does not contain: ${text}`);
  await Deno.writeTextFile(path, source.replace(text, () => without));
  const module = await import(`file://${folder}/lib/sharding/sharding_machine.ts`);
  return module.ShardingMachine;
}

for (const rule of rules) {
  Deno.test(`without it simulations fail: ${rule.rule}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const make = await without(rule, folder);
      let found = "";
      for (let seed = 0; seed < 6_000 && found === ""; seed++) {
        try {
          runSeed(seed, { make });
        } catch (error) {
          found = (error as Error).message;
        }
      }
      assert(found !== "", "no seed fails");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
