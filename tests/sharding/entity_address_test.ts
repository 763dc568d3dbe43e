import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  entityPath,
  entityPrefix,
  parseEntityPath,
} from "../../lib/sharding/routing/entity_address.ts";
import { defaultWireLimits } from "../../lib/wire/limits.ts";

const ids = fc.string({ unit: "binary", minLength: 1, maxLength: 128 })
  .filter((id) => id.isWellFormed());
const types = fc.stringMatching(/^[A-Za-z0-9$%*+@:&=,.!~'-]{1,200}$/);
const numbers = fc.integer({ min: 1, max: 65_536 });

Deno.test("any address of entities comes back from its path, which has one part", () => {
  const entityId = fc.option(ids, { nil: undefined });
  fc.assert(
    fc.property(types, numbers, entityId, (shardType, numShards, entityId) => {
      const path = entityPath({ shardType, numShards, entityId });
      assert(path.startsWith(entityPrefix) && !path.includes("/", 1));
      assertEquals(parseEntityPath(path), { shardType, numShards, entityId });
    }),
  );
});

Deno.test("ids with escaped characters are other ids", () => {
  for (const entityId of ["a/b", "a%2Fb", "a;b", "a%b", "%", "%25", "/", ";"]) {
    const address = { shardType: "carts", numShards: 20, entityId };
    assertEquals(parseEntityPath(entityPath(address)), address);
  }
});

Deno.test("the longest type and id fit into a path", () => {
  for (const char of ["/", "\u{ffff}", "\u{1f600}"]) {
    const entityId = char.repeat(512 / char.length);
    const path = entityPath({ shardType: "t".repeat(200), numShards: 65_536, entityId });
    assert(new TextEncoder().encode(path).length <= defaultWireLimits.maxPath);
  }
});

Deno.test("what is no address of entities is refused", () => {
  const wrong = [
    "/carts",
    "/_entity-",
    "/_entity-carts",
    "/_entity-0-carts",
    "/_entity-65537-carts",
    "/_entity-999999-carts",
    "/_entity--1-carts;a",
    "/_entity-20-",
    "/_entity-20-;a",
    "/_entity-20-carts;",
    "/_entity-20-carts;a;b",
    "/_entity-20-carts;a/b",
    "/_entity-20-carts/x;a",
    "/_entity-20-a%2Fb;a",
    `/_entity-20-carts;${"x".repeat(513)}`,
    `/_entity-20-${"x".repeat(257)}`,
    "/_entity-20-carts;\ud800",
  ];
  for (const path of wrong) assertEquals(parseEntityPath(path), undefined, path);
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseEntityPath(entityPrefix + text);
      if (parsed !== undefined) assertEquals(parseEntityPath(entityPath(parsed)), parsed);
    }),
  );
});
