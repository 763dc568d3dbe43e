import { assertEquals } from "@std/assert";
import type { AlternativeName } from "../../lib/x509/certificate_names.ts";
import { brokenConstraint } from "../../lib/x509/name_constraints.ts";

type Kind = "permitted" | "excluded";

function allows(kind: Kind, type: AlternativeName["type"], tree: string, name: string): boolean {
  const bytes = (text: string) => Uint8Array.from(text.split(/[./]/), Number);
  const subtree = { type, text: tree, ...(type === "ip" && { bytes: bytes(tree) }) };
  const all = { permitted: [], excluded: [], [kind]: [subtree] };
  const named = { type, text: name, ...(type === "ip" && { bytes: bytes(name) }) };
  return brokenConstraint(all, [named]) === undefined;
}

Deno.test("DNS constraints end at a label; a leading dot stands for names below only", () => {
  const permitted = (tree: string, name: string) => allows("permitted", "dns", tree, name);
  assertEquals(permitted("example.org", "example.org"), true);
  assertEquals(permitted("example.org", "a.b.Example.ORG"), true);
  assertEquals(permitted("example.org", "badexample.org"), false);
  assertEquals(permitted(".example.org", "a.example.org"), true);
  assertEquals(permitted(".example.org", "example.org"), false);
  assertEquals(permitted("example.org", "*.example.org"), true);
  assertEquals(permitted("a.example.org", "*.example.org"), false);
  assertEquals(permitted("", "anything"), true);
  for (const name of ["a b.example.org", "a.example.org.", "", "ü.example.org"]) {
    assertEquals(permitted("example.org", name), false, name);
  }
});

Deno.test("what is excluded is excluded below it too, and by a wildcard that stands for it", () => {
  const excluded = (tree: string, name: string) => allows("excluded", "dns", tree, name);
  assertEquals(excluded("example.org", "a.example.org"), false);
  assertEquals(excluded("example.org", "example.net"), true);
  assertEquals(excluded("a.example.org", "*.example.org"), false);
  assertEquals(excluded("b.a.example.org", "*.example.org"), true);
  assertEquals(excluded("example.org", "what is this"), false);
});

Deno.test("addresses are compared under a mask that is a prefix", () => {
  const permitted = (tree: string, name: string) => allows("permitted", "ip", tree, name);
  assertEquals(permitted("10.0.0.0/255.0.0.0", "10.9.8.7"), true);
  assertEquals(permitted("10.0.0.0/255.0.0.0", "11.0.0.1"), false);
  assertEquals(permitted("10.0.0.0/255.0.255.0", "10.0.0.1"), false);
  assertEquals(permitted("10.0.0.0/255.0.0.0", Array(16).fill("0").join(".")), false);
  assertEquals(allows("excluded", "ip", "10.0.0.0/255.0.255.0", "11.0.0.1"), false);
});

Deno.test("URI constraints compare the host; an address without one breaks them", () => {
  const permitted = (tree: string, name: string) => allows("permitted", "uri", tree, name);
  assertEquals(permitted("lab", "spiffe://lab/node/a"), true);
  assertEquals(permitted("lab", "spiffe://LAB:80"), true);
  assertEquals(permitted(".lab", "https://user@a.lab?x"), true);
  assertEquals(permitted(".lab", "spiffe://lab/node/a"), false);
  assertEquals(permitted("lab", "spiffe://evil/lab"), false);
  assertEquals(permitted("lab", "spiffe://evil@lab.evil/"), false);
  assertEquals(permitted("lab", "urn:lab"), false);
});

Deno.test("names of types without a constraint are free", () => {
  const constraints = { permitted: [{ type: "dns", text: "lab" }], excluded: [] } as const;
  const uri = { type: "uri", text: "spiffe://other/node/a" } as const;
  assertEquals(brokenConstraint(constraints, [uri]), undefined);
  const broken = brokenConstraint(constraints, [uri, { type: "dns", text: "evil" }]);
  assertEquals(broken?.problem, "permits only DNS lab and not the name DNS evil");
});
