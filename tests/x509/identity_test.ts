import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import type { IdentityMapping } from "../../lib/runtime/identity_mapping.ts";
import { domainProblem, isMissing, ownIdentities } from "../../lib/x509/identity.ts";
import { identityMapper } from "../../lib/x509/identity_mapping.ts";
import { names } from "./names.ts";

type Names = Parameters<typeof names>[0];

function identity(option: IdentityMapping | undefined, given: Names) {
  const outcome = identityMapper(option).identify(names(given));
  assert(!isMissing(outcome), JSON.stringify(outcome));
  return outcome;
}

function refusal(option: IdentityMapping | undefined, given: Names): string {
  const outcome = identityMapper(option).identify(names(given));
  assert(isMissing(outcome), JSON.stringify(outcome));
  return `${outcome.problem}; ${outcome.remedy}`;
}

const spire = { uris: ["spiffe://example.org/ns/prod/sa/casty-1"], commonNames: [] };

Deno.test("identity: without the option only URI names of Casty count", () => {
  assertEquals(identity(undefined, { uris: ["https://x/y", "spiffe://shop/node/node-1"] }), {
    kind: "node",
    name: "node-1",
    uri: "spiffe://shop/node/node-1",
    trustDomain: "shop",
  });
  const text = refusal(undefined, { ...spire, dnsNames: ["a.example"] });
  assertStringIncludes(text, "spiffe://<domain>/node/<name>");
  assertStringIncludes(text, "URI spiffe://example.org/ns/prod/sa/casty-1, DNS a.example");
  assertStringIncludes(text, "option identity of TlsConfig");
  assertStringIncludes(text, '{ node: "spiffe://example.org/ns/prod/sa/casty-1" }');
  assertStringIncludes(refusal(undefined, {}), "it has no name at all");
  const two = { uris: ["spiffe://shop/node/a", "spiffe://shop/client/a"] };
  assertStringIncludes(refusal(undefined, two), "more than one name of a node, client or admin");
});

Deno.test("identity: the pattern that a refusal suggests can be used", () => {
  const given = { commonNames: ["casty-1, east"] };
  const [, pattern] = /identity: \{ node: (".*?[^\\]") \}/.exec(refusal(undefined, given))!;
  assertEquals(identity({ node: JSON.parse(pattern!) }, given).name, "casty-1, east");
});

Deno.test("identity: patterns replace the default, and tell nodes from clients", () => {
  const option = {
    node: "spiffe://example.org/ns/*/sa/casty-*",
    client: ["spiffe://example.org/ns/*/sa/app-*", "dns:*.clients.example", "subject:O=apps"],
  };
  assertEquals(identity(option, spire), {
    kind: "node",
    name: "ns/prod/sa/casty-1",
    uri: "spiffe://example.org/ns/prod/sa/casty-1",
    trustDomain: "example.org",
  });
  assertEquals(identity(option, { dnsNames: ["Till.clients.example"] }), {
    kind: "client",
    name: "till.clients.example",
  });
  assertEquals(identity(option, { organizations: ["apps"], commonNames: ["till"] }), {
    kind: "client",
    name: "till",
  });
  const own = refusal(option, { uris: ["spiffe://shop/node/node-1"] });
  assertStringIncludes(own, "matches no pattern of the option identity");
  assertStringIncludes(own, "node: spiffe://example.org/ns/*/sa/casty-*; client: ");
  assertStringIncludes(own, "it has URI spiffe://shop/node/node-1");
});

Deno.test("identity: URI names of Casty keep their short name under a pattern", () => {
  const option = { node: ["spiffe://prod/node/*", "spiffe://staging/node/*"] };
  assertEquals(identity(option, { uris: ["spiffe://staging/node/node-1"] }).name, "node-1");
});

Deno.test("identity: a certificate of both a node and a client is refused, with the reason", () => {
  const option = { node: "spiffe://example.org/ns/prod/sa/*", client: "dns:*.example" };
  const text = refusal(option, { ...spire, dnsNames: ["a.example"] });
  assertStringIncludes(text, "is both a node (spiffe://example.org/ns/prod/sa/casty-1 matches");
  assertStringIncludes(text, "and a client (a.example matches dns:*.example)");
});

Deno.test("identity: a pattern that matches several names of a certificate is ambiguous", () => {
  const text = refusal({ node: "dns:node-*" }, { dnsNames: ["node-1", "node-2"] });
  assertStringIncludes(text, "matches dns:node-* with 2 of its names (node-1, node-2)");
  const uris = [...spire.uris, "spiffe://example.org/other"];
  assertStringIncludes(
    refusal({ node: "spiffe://example.org/ns/*/sa/*" }, { uris }),
    "has 2 SPIFFE IDs",
  );
  // The order of patterns chooses among names.
  const ordered = { node: ["subject:CN=*", "dns:node-*"] };
  assertEquals(identity(ordered, { dnsNames: ["node-1"], commonNames: ["x"] }).name, "x");
});

Deno.test("identity: patterns are checked when they are loaded", () => {
  const refused: [unknown, string][] = [
    [{}, "it has no pattern"],
    [{ node: [] }, "it has no pattern"],
    [{ nodes: "dns:a" }, "identity.nodes is not allowed: roles are node, client and admin"],
    [{ node: ["dns:a", "b"] }, 'identity.node[1]: "b"'],
    [{ node: 5 }, "identity.node: 5"],
    ["dns:a", "neither patterns by role nor a function"],
    [null, "neither patterns by role nor a function"],
    [{ node: "dns:a", client: "dns:a" }, "of the other role"],
    [
      { node: "spiffe://td/ns/*/sa/casty-*", client: "spiffe://td/ns/*/sa/*" },
      'also matches "spiffe://td/ns/*/sa/*" of the other role',
    ],
  ];
  for (const [option, why] of refused) {
    const error = assertThrows(() => identityMapper(option as IdentityMapping), CastyError);
    assertEquals(error.code, "badOption");
    assertStringIncludes(error.message, why);
  }
});

Deno.test("identity: a function decides by the names, and what it answers is checked", () => {
  assertEquals(
    identity(({ commonNames: [name = ""] }) => ({ role: "client", name }), {
      commonNames: ["till"],
    }),
    { kind: "client", name: "till" },
  );
  assertEquals(identity(() => ({ role: "node", name: "n" }), spire), {
    kind: "node",
    name: "n",
    uri: spire.uris[0]!,
    trustDomain: "example.org",
  });
  assertEquals(identity(() => ({ role: "admin", name: "a" }), spire).kind, "admin");
  const own = () => ({ role: "node", name: "n", trustDomain: "shop" }) as const;
  assertEquals(identity(own, spire).trustDomain, "shop");
  const answers: [unknown, string][] = [
    [undefined, "is no node, client or admin by the option identity"],
    [null, "is no node, client or admin by the option identity"],
    ["not from here", "refused by the option identity: not from here"],
    [{ role: "root", name: "a" }, "answered neither a role and a name nor a text"],
    [{ role: "node", name: "" }, "answered neither a role and a name nor a text"],
    [{ role: "node", name: "a\n" }, "answered neither a role and a name nor a text"],
    [{ role: "node", name: "a", trustDomain: 1 }, "answered neither a role and a name nor a text"],
    [true, "answered neither a role and a name nor a text"],
    [Promise.reject(new Error("late")), "answered neither a role and a name nor a text"],
  ];
  for (const [answer, why] of answers) {
    assertStringIncludes(refusal((() => answer) as IdentityMapping, spire), why);
  }
  const failing = () => {
    throw new Error("no database");
  };
  assertStringIncludes(refusal(failing, spire), "the option identity failed: no database");
});

Deno.test("identity: another trust domain is refused, unless patterns name it", () => {
  const [prod, staging] = [{ trustDomain: "prod" }, { trustDomain: "staging" }];
  assertEquals(domainProblem(prod, prod, ownIdentities), undefined);
  assertEquals(
    domainProblem(prod, staging, ownIdentities),
    "is of the trust domain staging, and only peers of the trust domain prod are accepted",
  );
  const byFunction = identityMapper(() => ({ role: "node", name: "a" }));
  assertStringIncludes(domainProblem(prod, {}, byFunction)!, "is of no trust domain");
  assertEquals(domainProblem({}, {}, byFunction), undefined);
  const byPattern = identityMapper({ node: ["spiffe://prod/node/*", "spiffe://staging/node/*"] });
  assertEquals(domainProblem(prod, staging, byPattern), undefined);
});

Deno.test("identity: names that a subject has chosen neither fill a message nor steer a terminal", () => {
  const text = refusal(undefined, {
    uris: Array.from({ length: 1_000 }, (_, index) => `https://x/${index}`),
    commonNames: ["\u001b[2J".repeat(1_000)],
  });
  assert(text.length < 1_000, `${text.length}`);
  assertStringIncludes(text, "and 996 more");
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  assert(!/[\u0000-\u001f]/.test(refusal(undefined, { commonNames: ["\u001b[2J"] })));
});
