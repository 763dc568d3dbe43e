/**
 * Encoding and decoding of messages, compared with `@msgpack/msgpack` (reused `Encoder` and
 * `Decoder`, `encodeSharedRef`) and JSON in the same run, and with msgpackr if requested. Thousand
 * operations a second, of interleaved rounds.
 *
 *     deno run -A bench/codec.ts --help
 *
 * @module
 */
import { systemClock } from "../lib/runtime/system_clock.ts";
import { Decoder, Encoder } from "@msgpack/msgpack";
import { parseArgs } from "@std/cli/parse-args";
import { Ref, type RefAddress } from "../lib/actor/ref/ref.ts";
import { Codec } from "../lib/wire/codec.ts";
import { decodeEnvelope, encodeEnvelope } from "../lib/wire/envelope.ts";
import { noSerializers } from "../lib/wire/serializer_registry.ts";
import { machine, median } from "./report.ts";
import { Installed } from "./rivals/installed.ts";

const usage = `Usage: deno run -A bench/codec.ts [options]

  --rounds N    1 to 99; default 15
  --markdown    print only the table
  --msgpackr    beside msgpackr too, which npm installs into a temporary folder
`;

class NullRef extends Ref<unknown> {
  readonly node: string;
  readonly path: string;
  readonly uid: number;
  constructor(address: RefAddress) {
    super();
    this.node = address.node;
    this.path = address.path;
    this.uid = address.uid;
  }
  override tell(): void {}
}

interface Rival {
  readonly name: string;
  readonly encode: (value: unknown) => unknown;
  readonly decode: (bytes: Uint8Array) => unknown;
}

interface Case {
  readonly row: string;
  readonly column: string;
  readonly times: number;
  readonly run: () => unknown;
  readonly rates: number[];
}

const path = "/user/counters/shard-7/entity-42";
const uid = 1_234_567;
const plain = { type: "increment", entityId: "entity-42", amount: 7, at: 1_700_000_000_123 };
const replyTo = new NullRef({ node: "10.0.0.17:25520", path: "/_ask/81234", uid: 81_234 });

/** Values that msgpack supports without extensions. */
const shared: Readonly<Record<string, unknown>> = {
  "small message": plain,
  "small envelope, as an object": { path, uid, message: plain },
  "text of 64": { type: "count", text: "x".repeat(64) },
  "text of 1,000": { type: "count", text: "x".repeat(1_000) },
  "text of 64, not ASCII": { type: "count", text: "zażółć gęślą jaźń ".repeat(4).slice(0, 64) },
  "50 objects": {
    items: Array.from({ length: 50 }, (_, id) => ({ id, name: `item ${id}`, price: id * 1.5 })),
  },
  "4 KiB of bytes": { type: "chunk", data: new Uint8Array(4_096).fill(7) },
  "64 KiB of bytes": { type: "chunk", data: new Uint8Array(65_536).fill(7) },
  "1 MiB of bytes": { type: "chunk", data: new Uint8Array(1_048_576).fill(7) },
};

/** Values that only Casty encodes in this form. */
const envelopes: Readonly<Record<string, unknown>> = {
  "envelope": plain,
  "envelope with a reference": { type: "getValue", entityId: "entity-42", replyTo },
  "envelope with a Map and a Set": {
    type: "state",
    table: new Map([["a", 1], ["b", 2], ["c", 3]]),
    seen: new Set([1]),
  },
};

if (import.meta.main) {
  const given = parseArgs([...Deno.args], {
    string: ["rounds"],
    boolean: ["markdown", "msgpackr", "help"],
  });
  const rounds = Number(given["rounds"] ?? 15);
  const wrong = !Number.isInteger(rounds) || rounds < 1 || rounds > 99;
  if (wrong || given["help"] === true) {
    (wrong ? console.error : console.log)(usage);
    Deno.exit(wrong ? 2 : 0);
  }
  using installed = given["msgpackr"] === true
    ? await Installed.install(["msgpackr@2"])
    : undefined;
  const rivals = [
    casty(),
    castyViews(),
    msgpack(),
    ...installed ? [await msgpackr(installed)] : [],
    json(),
  ];
  const cases = makeCases(rivals);
  measure(cases, rounds);
  if (given["markdown"] !== true) console.log(`${machine()}; thousand operations a second\n`);
  console.log(table(cases, rivals.map(({ name }) => name)));
}

function makeCodec(binaries: "copy" | "view" = "copy"): Codec {
  const resolve = (address: RefAddress) => new NullRef(address);
  return new Codec({ now: systemClock.now, resolve, binaries });
}

function casty(): Rival {
  const codec = makeCodec();
  return {
    name: "Casty",
    encode: (value) => codec.encode(value),
    decode: (bytes) => codec.decode(bytes),
  };
}

/** The same as the receiver of a message of several chunks of a socket, with `binaries: "view"`. */
function castyViews(): Rival {
  const codec = makeCodec("view");
  return {
    name: "Casty, views",
    encode: (value) => codec.encode(value),
    decode: (bytes) => codec.decode(bytes, 0, bytes.length, noSerializers, true),
  };
}

function msgpack(): Rival {
  const encoder = new Encoder();
  const decoder = new Decoder();
  return {
    name: "@msgpack/msgpack",
    encode: (value) => encoder.encodeSharedRef(value),
    decode: (bytes) => decoder.decode(bytes),
  };
}

async function msgpackr(installed: Installed): Promise<Rival> {
  const { href } = new URL(`file://${installed.folder}/node_modules/msgpackr/index.js`);
  const { Packr } = await import(href);
  const packr = new Packr({ useRecords: false });
  return {
    name: `msgpackr ${installed.version("msgpackr")}`,
    encode: (value) => packr.pack(value),
    decode: (bytes) => packr.unpack(bytes),
  };
}

function json(): Rival {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  return {
    name: "JSON to bytes",
    encode: (value) => encoder.encode(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(decoder.decode(bytes)),
  };
}

function makeCases(rivals: readonly Rival[]): Case[] {
  const cases: Case[] = [];
  const add = (row: string, column: string, times: number, run: () => unknown) =>
    cases.push({ row, column, times, run, rates: [] });
  for (const [name, value] of Object.entries(shared)) {
    for (const { name: column, encode, decode } of rivals) {
      // JSON encodes bytes as an object with 65,536 keys.
      if (name.includes("bytes") && column.startsWith("JSON")) continue;
      const bytes = Uint8Array.from(encode(value) as Uint8Array);
      const times = Math.max(200, Math.min(20_000, Math.round(5_000_000 / bytes.length)));
      add(`encode ${name}`, column, times, () => encode(value));
      add(`decode ${name}`, column, times, () => decode(bytes));
    }
  }
  const codec = makeCodec();
  for (const [name, value] of Object.entries(envelopes)) {
    const bytes = encodeEnvelope(codec, path, uid, value).slice();
    add(`encode ${name}`, "Casty", 20_000, () => encodeEnvelope(codec, path, uid, value));
    add(`decode ${name}`, "Casty", 20_000, () => decodeEnvelope(codec, bytes, 0, bytes.length));
  }
  return cases;
}

function measure(cases: readonly Case[], rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (const { run, times, rates } of cases) {
      const begin = performance.now();
      for (let i = 0; i < times; i++) run();
      rates.push(times / (performance.now() - begin));
    }
  }
}

function table(cases: readonly Case[], columns: readonly string[]): string {
  const lines = [
    `| median / best | ${columns.join(" | ")} | Casty of @msgpack |`,
    `| --- | ${columns.map(() => "---:").join(" | ")} | ---: |`,
  ];
  for (const row of new Set(cases.map(({ row }) => row))) {
    const of = (column: string) =>
      cases.find((one) => one.row === row && one.column === column)?.rates;
    const cells = columns.map((column) => {
      const rates = of(column);
      return rates ? `${median(rates).toFixed(0)} / ${Math.max(...rates).toFixed(0)}` : "";
    });
    const [ours, theirs] = [of("Casty"), of("@msgpack/msgpack")];
    const share = ours && theirs ? `${(median(ours) / median(theirs)).toFixed(2)} times` : "";
    lines.push(`| ${row} | ${cells.join(" | ")} | ${share} |`);
  }
  return lines.join("\n");
}
