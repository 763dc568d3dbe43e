import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { IndexTexts } from "../../lib/wire/index_texts.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { keysOf, messages } from "./hostile_keys.ts";
import { decodeInSteps, TestRef, wireErrorOf } from "./values.ts";

/** How many texts are taken before they have met too often; undefined: all. */
function refusedAt(count: number, textOf: (i: number) => string): number | undefined {
  const texts = new IndexTexts();
  for (let i = 0; i < count; i++) {
    if (wireErrorOf(() => texts.add(textOf(i))) === "malformed") return i;
  }
  return undefined;
}

Deno.test("texts of digits that collide are refused when they have met too often", () => {
  // All in one class: about the square root of twice the free meetings.
  const same = refusedAt(10_000, (i) => String(i * 65_536))!;
  assert(same > 1_000 && same < 2_000, `${same}`);
  assertStrictEquals(refusedAt(1_000, (i) => String(i * 65_536)), undefined);
  const classes = refusedAt(65_536, (i) => String((i % 4_096) * 65_536 + (i >> 12)))!;
  assert(classes < 8_192, `${classes}`);
  // With fewer in each of many classes they may be more, but then they are cheap.
  const spread = (many: number) =>
    refusedAt(1_000_000, (i) => String((i % many) + 65_536 * Math.floor(i / many)))!;
  const [few, many] = [spread(64), spread(4_096)];
  assert(few < many, `${few} ${many}`);
  // On average a key has met 32 others then, and the free meetings besides.
  assert(many / 4_096 - 1 <= 2 * (32 + 1_048_576 / many), `${many}`);
});

Deno.test("numbers in sequence, and multiples of ordinary units, are not refused as texts", () => {
  const ordinary: Record<string, (i: number) => string> = {
    "a sequence": (i) => String(i),
    "seven digits": (i) => String(1_000_000 + i),
    "ten digits": (i) => String(4_000_000_000 + i),
    "tens": (i) => String(10 * i),
    "thousands": (i) => String(1_000 * i),
    "hours of seconds": (i) => String(1_400_000_000 + 3_600 * i),
    "anything": (i) => String(Math.imul(i, 2_654_435_761) >>> 0),
  };
  for (const [what, textOf] of Object.entries(ordinary)) {
    assertStrictEquals(refusedAt(131_072, textOf), undefined, what);
  }
  assertStrictEquals(refusedAt(50_000, (i) => String(86_400 * (i % 49_000))), undefined);
  assertStrictEquals(refusedAt(1_000_000, (i) => String(i)), undefined, "a million");
});

Deno.test("texts that are no index are not counted, and another message begins at nothing", () => {
  const texts = new IndexTexts();
  const others = ["", "01", "1.5", "-1", "1e3", "4294967295", "12345678901", "1 ", "٣", "0x10"];
  for (let i = 0; i < 10_000; i++) for (const text of others) texts.add(text);
  for (let message = 0; message < 5; message++) {
    texts.begin();
    for (let i = 0; i < 1_200; i++) texts.add(String(i * 65_536));
  }
  const repeated = () => {
    for (let i = 0; i < 70_000; i++) texts.add("0");
  };
  assertStrictEquals(wireErrorOf(repeated), "malformed");
});

Deno.test("keys of Maps and Sets are counted, those of objects are not", () => {
  // Time stands still: what is refused is refused by counting.
  const still = new Codec({
    now: () => 0,
    resolve: (address) => new TestRef(address),
    limits: { maxMap: 2 ** 20 },
  });
  for (const kind of ["colliding texts", "clustered texts"] as const) {
    for (const form of ["Map", "Set", "nested Sets", "small Sets"] as const) {
      const bytes = messages[form].make(keysOf(kind, 65_536));
      assertStrictEquals(wireErrorOf(() => still.decode(bytes)), "malformed", `${kind} ${form}`);
      assertStrictEquals(wireErrorOf(() => decodeInSteps(still, bytes)), "malformed", form);
    }
    const object = still.decode(messages.object.make(keysOf(kind, 65_536))) as object;
    assertEquals(Object.keys(object).length, 65_536);
  }
  const ordinary = messages.Map.make(keysOf("texts of digits", 131_072));
  assertEquals((still.decode(ordinary) as Map<unknown, unknown>).size, 131_072);
});

Deno.test("bytes of this end's own are read although their keys collide", () => {
  const trusted = new Codec({
    now: () => performance.now(),
    resolve: (address) => new TestRef(address),
    trusted: true,
  });
  for (const kind of ["colliding texts", "colliding bigints"] as const) {
    const set = trusted.decode(messages.Set.make(keysOf(kind, 4_096))) as Set<unknown>;
    assertEquals(set.size, 4_096);
  }
});
