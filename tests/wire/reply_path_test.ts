import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { askPath, wholePath } from "../../lib/actor/ref/reply_path.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { decodeEnvelopeHeader, encodeEnvelope } from "../../lib/wire/envelope.ts";
import { isReplyPath } from "../../lib/wire/reply_path.ts";
import { newCodec, TestRef } from "./values.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const matches = (path: string, uid: number) => isReplyPath(utf8(path), 0, utf8(path).length, uid);

Deno.test("the path of a reply reference is its uid in decimal, and nothing else", () => {
  fc.assert(fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (uid, other) => {
    assertStrictEquals(matches(`/_ask/${uid}`, uid), uid > 0);
    assertStrictEquals(matches(`/_ask/${other}`, uid), other === uid && uid > 0);
  }));
  const others = ["", "/", "/_ask", askPath, "/_ask/0", "/_ask/07", "/_ask/7a", "/_ask/ 7"];
  for (const path of [...others, "/_ask/7/", "/_ask//7", "/_bsk/7", "/_ask/00000000000000007"]) {
    assert(!matches(path, 7), path);
  }
  const beyond = `/_ask/${"9".repeat(17)}`;
  assert(!matches(beyond, Number.MAX_SAFE_INTEGER));
});

Deno.test("any path of a header comes back, with short replies as well", () => {
  const path = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom(askPath, "/_ask/0", "/_ask/07", "/_ask/x"),
    fc.maxSafeNat().map((uid) => askPath + uid),
  );
  fc.assert(fc.property(path, fc.maxSafeNat(), fc.boolean(), (given, number, isItsOwn) => {
    const own = Number(given.slice(askPath.length));
    const uid = isItsOwn && Number.isSafeInteger(own) && own > 0 ? own : number;
    const bytes = encodeEnvelope(newCodec(), given, uid, 1);
    const header = decodeEnvelopeHeader(bytes, 0, bytes.length, 2_048, undefined, true);
    const isReply = given === `${askPath}${uid}` && uid > 0;
    assertEquals(header.path, isReply ? askPath : given);
    // What claims to be the short form is the reply reference with its uid.
    const whole = given === askPath ? askPath + uid : given;
    assertEquals([wholePath(header.path, uid), header.uid], [whole, uid]);
  }));
});

Deno.test("references to replies come with the short path where that is asked for, and only these", () => {
  const found: string[] = [];
  const codec = (shortReplies: boolean) =>
    new Codec({
      now: () => 0,
      shortReplies,
      resolve: (address) => {
        found.push(address.path);
        return new TestRef(address);
      },
    });
  const bytes = newCodec().encode([
    new TestRef({ node: "n:1", path: "/_ask/7", uid: 7 }),
    new TestRef({ node: "n:1", path: "/_ask/7", uid: 8 }),
    new TestRef({ node: "n:1", path: "/a", uid: 7 }),
  ]).slice();
  codec(true).decode(bytes);
  codec(false).decode(bytes);
  assertEquals(found, [askPath, "/_ask/7", "/a", "/_ask/7", "/_ask/7", "/a"]);
});
