import { assert, assertEquals } from "@std/assert";

const read = (path: string) =>
  Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url)).replace(/\r/g, "");
const page = read("docs/client.md");

/** The names in back quotes of a part of a text. */
const quoted = (text: string) => [...text.matchAll(/`(\w+)`/g)].map((match) => match[1]!);

Deno.test("the page names all that nodes and clients have in common", () => {
  const access = read("lib/sharding/routing/cluster_access.ts");
  const members = access.slice(access.indexOf("export interface ClusterAccess"))
    .matchAll(/^ {2}(?:readonly )?(\w+)[<(:]/gm);
  const part = /same methods to reach the cluster:([^.]*)\./.exec(page)![1]!;
  assertEquals(new Set(quoted(part)), new Set([...members].map((match) => match[1]!)));
});

Deno.test("the page explains every state of a client", () => {
  const type = /export type ClientState = ([^;]*);/.exec(read("lib/client/client_state.ts"))![1]!;
  const states = [...type.matchAll(/"(\w+)"/g)].map((match) => match[1]!);
  const table = page.slice(page.indexOf("| `client.state` |"));
  const rows = [...table.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]!);
  assert(states.length > 3);
  assertEquals(rows, states);
});
