import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Codec } from "../../lib/wire/codec.ts";
import { hostileKinds, keysOf, messages } from "./hostile_keys.ts";
import { cpuTime, type HostileTimes, usualKeys } from "./hostile_times.ts";
import { assertSame, decodeInSteps, newCodec, roundTrip, TestRef, wireErrorOf } from "./values.ts";

const codec = newCodec();

type Form = keyof typeof messages;

/**
 * Times of another process: the time of a processor is that of a whole process, and test files that
 * run at the same time share this one.
 */
async function timesOf(count: number): Promise<HostileTimes> {
  const program = new URL("hostile_times.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, String(count)],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const measured = timesOf(usualKeys);

for (const form of Object.keys(messages) as Form[]) {
  Deno.test(`hostile: colliding keys (${form}) take at most 5 times as long as ordinary ones`, async () => {
    const times = (await measured)[form];
    assert(times.length > 0);
    for (const { kind, hostile, ordinary, refused } of times) {
      assertStrictEquals(refused, undefined, `${kind}: ordinary keys are refused`);
      assert(hostile <= 5 * ordinary, `${kind}: ${hostile}, ${ordinary} ms`);
    }
  });
}

Deno.test("hostile: 262,144 colliding keys of all forms take at most 5 times as long as ordinary ones", async () => {
  await measured;
  for (const [form, times] of Object.entries(await timesOf(262_144))) {
    assert(times.length > 0);
    for (const { kind, hostile, ordinary, refused } of times) {
      assertStrictEquals(refused, undefined, `${form}, ${kind}: ordinary keys are refused`);
      assert(hostile <= 5 * ordinary, `${form}, ${kind}: ${hostile}, ${ordinary} ms`);
    }
  }
});

for (const form of ["Set", "Map"] as const) {
  Deno.test(`hostile: a ${form} of colliding keys is refused, also when read in steps`, () => {
    for (const kind of hostileKinds) {
      const bytes = messages[form].make(keysOf(kind, 65_536));
      assertStrictEquals(wireErrorOf(() => codec.decode(bytes)), "malformed", kind);
      assertStrictEquals(wireErrorOf(() => decodeInSteps(codec, bytes)), "malformed", kind);
    }
  });
}

Deno.test("hostile: colliding keys of many small Sets are together refused", () => {
  for (const kind of ["colliding bigints", "colliding texts"] as const) {
    const bytes = messages["small Sets"].make(keysOf(kind, 65_536));
    assertStrictEquals(wireErrorOf(() => codec.decode(bytes)), "malformed", kind);
    assertStrictEquals(wireErrorOf(() => decodeInSteps(codec, bytes)), "malformed", kind);
  }
});

Deno.test("hostile: messages with a few colliding texts each do not become slower and slower", () => {
  const keys = keysOf("colliding texts", 65_536);
  const sets: Uint8Array[] = [];
  for (let at = 0; at < keys.length; at += 32) {
    sets.push(messages.Set.make(keys.slice(at, at + 32)));
  }
  let longest = 0;
  let refused = 0;
  for (const bytes of sets) {
    const from = cpuTime();
    if (wireErrorOf(() => codec.decode(bytes)) === "malformed") refused++;
    longest = Math.max(longest, cpuTime() - from);
    // The connection of who sends such a message ends; others are refused sooner or later.
    if (refused > 5) break;
  }
  assert(refused > 5, `${refused} refused`);
  assert(longest < 200, `${longest} ms`);
});

Deno.test("hostile: a pause of the process is not taken for colliding keys", () => {
  let time = 0;
  let reads = 0;
  const resolve = () => {
    throw new Error("no references");
  };
  // Each read takes 0.1 us; the process is stopped for 50 ms at every 20th.
  const paused = new Codec({ now: () => time += ++reads % 20 === 0 ? 50 : 0.000_1, resolve });
  const set = new Set(Array.from({ length: 65_536 }, (_, i) => i));
  const bytes = codec.encode(set).slice();
  for (let i = 0; i < 4; i++) {
    assertEquals((paused.decode(bytes) as Set<unknown>).size, 65_536);
  }
  assert(reads > 1_000, `${reads} reads`);
});

Deno.test("hostile: on virtual time the same bytes always give the same value", () => {
  const still = new Codec({ now: () => 0, resolve: (address) => new TestRef(address) });
  const keys = keysOf("colliding bigints", 2_000);
  const decoded = still.decode(messages.Set.make(keys)) as Set<unknown>;
  assertEquals(decoded.size, 2_000);
});

Deno.test("hostile: objects whose keys are large indexes take little memory", () => {
  const value = Array.from(
    { length: 20_000 },
    (_, i) => i % 2 === 0 ? { 1000: i } : { 0: i, 900: i },
  );
  const bytes = codec.encode(value).slice();
  for (
    const decode of [(b: Uint8Array) => codec.decode(b), (b: Uint8Array) => decodeInSteps(codec, b)]
  ) {
    const before = Deno.memoryUsage().heapUsed;
    const read = decode(bytes);
    const grown = Deno.memoryUsage().heapUsed - before;
    assertSame(read, value);
    assert(grown < 64 * 2 ** 20, `${grown} bytes for ${bytes.length}`);
  }
});

Deno.test("an object with indexes as keys keeps all of them, in the order of the engine", () => {
  const objects = [
    { 4294967294: 1, 1000: 2, 5: 3, a: 4 },
    { a: 1, 1000: 2, 4294967294: undefined },
    { 64: 1, 4294967295: 2, 4294967296: 3 },
    Object.fromEntries(Array.from({ length: 500 }, (_, i) => [String(i * 1_000), i])),
    Object.fromEntries(Array.from({ length: 500 }, (_, i) => [String(i), i])),
  ];
  for (const object of objects) {
    assertSame(roundTrip(codec, object), object);
    assertSame(decodeInSteps(codec, codec.encode(object).slice()), object);
    assertEquals(Object.keys(roundTrip(codec, object) as object), Object.keys(object));
  }
});

Deno.test("hostile: a bigint of millions of digits takes no step of the codec for each byte", () => {
  const value = -(1n << 40_000_000n) + 12_345n;
  const { padStart } = String.prototype;
  let steps = 0;
  String.prototype.padStart = function (...args: Parameters<typeof padStart>) {
    steps++;
    return padStart.apply(this, args);
  };
  try {
    assert(roundTrip(codec, value) === value);
  } finally {
    String.prototype.padStart = padStart;
  }
  assert(steps < 10, `${steps} steps`);
});
