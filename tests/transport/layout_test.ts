import { deflateRawSync } from "node:zlib";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { Connection } from "../../lib/transport/connection/connection.ts";
import {
  agree,
  decodeHello,
  encodeHello,
  encodeRefusal,
  features,
  type Hello,
} from "../../lib/transport/connection/handshake.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { bytesOf, hexOf } from "../wire/values.ts";
import { FakeLink } from "./fake_link.ts";

// What stands here is what other versions of Casty expect: whoever changes it changes the protocol.

const hello: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  systemName: "shop",
  role: "node",
  nodeId: "node-1",
  address: "a.example:25520",
  incarnation: 7,
  lane: "user",
  maxFrame: 1_048_576,
  window: 4_194_304,
  features: Object.values(features),
  maxMessage: 16_777_216,
  maxInternedPaths: 256,
};

const helloBytes =
  "8e a5 6d 61 67 69 63 a5 63 61 73 74 79 ab 70 72 6f 74 6f 63 6f 6c 4d 69 6e 01 ab 70 72 6f 74 6f " +
  "63 6f 6c 4d 61 78 01 aa 73 79 73 74 65 6d 4e 61 6d 65 a4 73 68 6f 70 a4 72 6f 6c 65 a4 6e 6f 64 " +
  "65 a6 6e 6f 64 65 49 64 a6 6e 6f 64 65 2d 31 a7 61 64 64 72 65 73 73 af 61 2e 65 78 61 6d 70 6c " +
  "65 3a 32 35 35 32 30 ab 69 6e 63 61 72 6e 61 74 69 6f 6e 07 a4 6c 61 6e 65 a4 75 73 65 72 a8 6d " +
  "61 78 46 72 61 6d 65 ce 00 10 00 00 a6 77 69 6e 64 6f 77 ce 00 40 00 00 a8 66 65 61 74 75 72 65 " +
  "73 98 a6 63 68 75 6e 6b 73 a5 70 61 74 68 73 a7 64 65 66 6c 61 74 65 a5 74 72 61 63 65 a8 64 65 " +
  "61 64 6c 69 6e 65 aa 72 6f 75 74 65 64 41 73 6b 73 ab 61 62 6f 72 74 65 64 41 73 6b 73 ab 72 65 70 6c 69 63 61 74 69 6f 6e aa 6d 61 " +
  "78 4d 65 73 73 61 67 65 ce 01 00 00 00 b0 6d 61 78 49 6e 74 65 72 6e 65 64 50 61 74 68 73 cd 01 " +
  "00";

Deno.test("layout: the hello is pinned", () => {
  assertStrictEquals(hexOf(encodeHello(hello)), helloBytes);
  assertStrictEquals(decodeHello(bytesOf(helloBytes))?.maxMessage, 16_777_216);
});

Deno.test("layout: a refusal, and the reason of a close, are pinned", () => {
  assertStrictEquals(
    hexOf(encodeRefusal({ code: "full", reason: "no" })),
    "82 a4 63 6f 64 65 a4 66 75 6c 6c a6 72 65 61 73 6f 6e a2 6e 6f",
  );
});

Deno.test("layout: every frame of a connection is pinned", async () => {
  const clock = new ManualClock();
  const link = new FakeLink();
  const writes: string[] = [];
  const write = link.write.bind(link);
  link.write = (bytes, done) => {
    writes.push(hexOf(bytes));
    write(bytes, done);
  };
  const limits = transportLimits({ maxFrame: 256, compressAbove: 500 });
  const connection = new Connection(link, clock, limits, {
    onFrame() {},
    onMessage() {},
    onClosed() {},
    onSignOfLife() {},
    onUnsent() {},
  });
  const wanted = async (send: () => void, ...expected: string[]) => {
    writes.length = 0;
    send();
    await clock.advance(0);
    assertEquals(writes, expected);
  };
  await wanted(() => connection.signal(FrameType.hello, bytesOf("aa")), "00 00 00 02 01 aa");
  await wanted(() => connection.signal(FrameType.welcome, bytesOf("aa")), "00 00 00 02 02 aa");
  await wanted(() => connection.signal(FrameType.refuse, bytesOf("aa")), "00 00 00 02 03 aa");
  connection.open({ ...limits, window: 1e6, maxInternedPaths: 4 });
  await wanted(
    () => void connection.send(bytesOf("00 05 00 02 2f 61 c0")),
    "00 00 00 08 04 00 05 00 02 2f 61 c0",
  );
  const numbered = () => void connection.send(bytesOf("00 05 00 02 2f 61 c0"), "/a");
  await wanted(numbered, "00 00 00 08 04 00 05 00 02 2f 61 c0");
  await wanted(numbered, "00 00 00 08 04 00 05 00 02 2f 61 c0");
  await wanted(numbered, "00 00 00 09 04 02 05 00 00 02 2f 61 c0");
  await wanted(numbered, "00 00 00 05 04 01 05 00 c0");
  await wanted(
    () => void connection.send(new Uint8Array(300).fill(0xab)),
    "00 00 00 fc 09 01 04 00 00 01 2c" + " ab".repeat(245),
    "00 00 00 39 09 02" + " ab".repeat(55),
  );
  const text = Uint8Array.from({ length: 600 }, (_, i) => i % 16);
  const deflated = deflateRawSync(text, { level: 1 });
  await wanted(
    () => void connection.send(text),
    `00 00 00 ${(deflated.length + 5).toString(16)} 0a 00 00 02 58 ${hexOf(deflated)}`,
  );
  await wanted(() => link.receive(FrameType.message, bytesOf("00 00 00 00 c0")));
  await clock.advance(100);
  assertEquals(writes, ["00 00 00 09 05 40 24 00 00 00 00 00 00"]);
  await wanted(() => link.receive(FrameType.ping), "00 00 00 01 08");
  await clock.advance(15_000);
  assertEquals(writes.at(-1), "00 00 00 01 07");
  const close = encodeRefusal({ code: "close", reason: "bye" });
  await wanted(
    () => connection.closeNow("bye"),
    `00 00 00 ${(close.length + 1).toString(16)} 06 ${hexOf(close)}`,
  );
});

Deno.test("layout: what both ends have is used, and nothing else", () => {
  const full = {
    maxFrame: 1_048_576,
    maxMessage: 16_777_216,
    window: 4_194_304,
    maxInternedPaths: 256,
    compressAbove: 9,
    isClient: false,
  };
  assertEquals(agree(hello, hello, 9), full);
  assertEquals(agree(hello, { ...hello, features: ["paths", "antigravity"] }, 9), {
    ...full,
    maxMessage: 1_048_575,
    compressAbove: 0,
  });
  const { maxMessage: _1, maxInternedPaths: _2, ...first } = { ...hello, features: [] };
  assertEquals(agree(hello, { ...first, maxFrame: 1_000 }, 9), {
    ...full,
    maxFrame: 1_000,
    maxMessage: 999,
    maxInternedPaths: 0,
    compressAbove: 0,
  });
  assertEquals(agree({ ...hello, maxMessage: 5_000 }, hello, 0).maxMessage, 5_000);
  assertEquals(agree({ ...hello, role: "client" }, hello, 9).isClient, true);
});
