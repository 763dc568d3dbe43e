import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { covers, matches, parsePattern } from "../../lib/x509/name_pattern.ts";
import { names } from "./names.ts";

function matching(pattern: string, given: Parameters<typeof names>[0]): string[] {
  return matches(parsePattern(pattern, "identity.node"), names(given));
}

Deno.test("patterns: * in a URI stays within one part of the path", () => {
  const pattern = "spiffe://example.org/ns/*/sa/casty-*";
  const uri = "spiffe://example.org/ns/prod/sa/casty-1";
  assertEquals(matching(pattern, { uris: [uri] }), [uri]);
  for (
    const other of [
      "spiffe://example.org/ns/prod/sa/casty-",
      "spiffe://example.org/ns//sa/casty-1",
      "spiffe://example.org/ns/a/b/sa/casty-1",
      "spiffe://example.org/ns/prod/sa/casty-1/more",
      "spiffe://example.org/ns/prod/sa/other-1",
      "spiffe://example.org.evil/ns/prod/sa/casty-1",
      "spiffe://evil/ns/prod/sa/casty-1",
      "https://example.org/ns/prod/sa/casty-1",
      "spiffe://example.org/ns/prod/sa/casty-1?x",
      "spiffe://example.org/ns/prod/sa/casty-1#x",
      "spiffe://example.org@evil/ns/prod/sa/casty-1",
      " spiffe://example.org/ns/prod/sa/casty-1",
      `spiffe://example.org/ns/prod/sa/casty-${"x".repeat(300)}`,
      "spiffe://example.org/ns/prod/sa/casty-\n",
    ]
  ) assertEquals(matching(pattern, { uris: [other] }), [], other);
});

Deno.test("patterns: * in a DNS name stays within one label, and wildcard names never match", () => {
  const pattern = "dns:*.clients.example";
  for (const name of ["a.clients.example", "A.Clients.EXAMPLE", "a.clients.example."]) {
    assertEquals(matching(pattern, { dnsNames: [name] }), [name]);
  }
  for (
    const name of [
      "clients.example",
      ".clients.example",
      "a.b.clients.example",
      "a.clients.example.evil",
      "*.clients.example",
    ]
  ) {
    assertEquals(matching(pattern, { dnsNames: [name] }), [], name);
  }
  assertEquals(matching("dns:node-*", { dnsNames: ["node-1", "node-2"] }), ["node-1", "node-2"]);
  assertEquals(matching("dns:*", { uris: ["dns:a"], commonNames: ["a"] }), []);
});

Deno.test("patterns: each attribute of a subject must be there exactly once", () => {
  const pattern = "subject:CN=casty-*,O=Example\\, Inc.";
  const good = { commonNames: ["casty-1"], organizations: ["Example, Inc."] };
  assertEquals(matching(pattern, good), ["casty-1"]);
  assertEquals(matching(pattern, { ...good, organizations: [] }), []);
  assertEquals(matching(pattern, { ...good, organizations: ["Example, Inc.", "Evil"] }), []);
  assertEquals(matching(pattern, { ...good, commonNames: ["evil", "casty-1"] }), []);
  assertEquals(matching(pattern, { ...good, commonNames: ["casty-1\u0000"] }), []);
  assertEquals(matching("subject:O=casty nodes", { organizations: ["casty nodes"] }), [
    "casty nodes",
  ]);
  assertEquals(matching("subject:OU=n*", { organizationalUnits: ["nodes"], commonNames: ["x"] }), [
    "x",
  ]);
});

Deno.test("patterns: what cannot be meant is refused when it is loaded", () => {
  const refused: [unknown, string][] = [
    ["", "1 to 2048 printable characters"],
    [5, "1 to 2048 printable characters"],
    ["casty-*", "has no known prefix"],
    ["*", "has no known prefix"],
    ["spiffe://*/ns/a", "must be written in full"],
    ["spiffe://Example.org/a", "not a SPIFFE trust domain"],
    ["spiffe://example.org", "no URI with a host and a path"],
    ["spiffe://example.org/", "no URI with a host and a path"],
    ["spiffe://example.org/a//b", "a part of the path is empty"],
    ["spiffe://example.org/a/**", "more than one *"],
    ["spiffe://example.org/a*b*c", "more than one *"],
    ["spiffe://example.org/a%20b", "cannot be a part of a SPIFFE ID"],
    ["dns:", "cannot be a label"],
    ["dns:a..b", "cannot be a label"],
    ["dns:*.bücher.example", "xn--"],
    ["dns:a b", "cannot be a label"],
    ["subject:", "list of CN="],
    ["subject:CN=", "list of CN="],
    ["subject:L=Berlin", "list of CN="],
    ["subject:CN=a,CN=b", "is there twice"],
    ["cn:a", "has no known prefix"],
  ];
  for (const [pattern, why] of refused) {
    const error = assertThrows(() => parsePattern(pattern, "identity.node[0]"), CastyError);
    assertEquals(error.code, "badOption");
    assertEquals(error.value, pattern);
    assertStringIncludes(error.message, "identity.node[0]: ");
    assertStringIncludes(error.message, why);
  }
});

Deno.test("patterns: one covers another when it matches all that the other matches", () => {
  const covering = (outer: string, inner: string) =>
    covers(parsePattern(outer, ""), parsePattern(inner, ""));
  assert(covering("spiffe://td/ns/*/sa/*", "spiffe://td/ns/*/sa/casty-*"));
  assert(covering("spiffe://td/ns/*/sa/*", "spiffe://td/ns/a/sa/b"));
  assert(covering("dns:*.example", "dns:a-*.example"));
  assert(covering("subject:CN=*", "subject:CN=a,O=b"));
  assert(!covering("spiffe://td/ns/*/sa/casty-*", "spiffe://td/ns/*/sa/*"));
  assert(!covering("spiffe://td/ns/a/sa/*", "spiffe://td/ns/b/sa/*"));
  assert(!covering("spiffe://td/a/*", "spiffe://other/a/*"));
  assert(!covering("spiffe://td/a/*", "spiffe://td/a/b/c"));
  assert(!covering("subject:CN=*,O=b", "subject:CN=a"));
  assert(!covering("dns:a", "subject:CN=a"));
});
