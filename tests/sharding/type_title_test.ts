import { assertEquals } from "@std/assert";
import { typeTitle, unknownTypeText } from "../../lib/sharding/routing/type_title.ts";
import { groupType } from "../../lib/distributed/structure_kind.ts";
import { singletonPlace } from "../../lib/singleton/singleton_place.ts";
import { workersType } from "../../lib/singleton/workers_place.ts";

const singleton = (name: string) => singletonPlace(name).shardType;
const known = ["carts", groupType("default"), groupType("ledger"), singleton("tally")];

Deno.test("errors call a type what the program has opened or spawned", () => {
  assertEquals(typeTitle("carts"), '"carts"');
  assertEquals(typeTitle(groupType("default")), 'the group of structures "default"');
  assertEquals(typeTitle(groupType("ledger")), 'the group of structures "ledger"');
  assertEquals(typeTitle(singleton("tally")), 'the singleton "tally"');
  assertEquals(typeTitle(workersType("crew")), 'the workers "crew"');
});

Deno.test("an unknown type is told with those of its kind", () => {
  const cases: Readonly<Record<string, string>> = {
    cart: 'no member runs entities of type "cart"; there is "carts"',
    [groupType("other")]:
      'no member runs the group of structures "other"; there are "default", "ledger"',
    [singleton("talley")]: 'no member runs the singleton "talley"; there is "tally"',
    [workersType("crew")]: 'no member runs the workers "crew"; there are none',
  };
  for (const [shardType, text] of Object.entries(cases)) {
    assertEquals(unknownTypeText(shardType, known), text);
  }
});
