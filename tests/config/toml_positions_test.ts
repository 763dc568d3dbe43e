import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parse } from "smol-toml";
import { type PathPart, TomlPositions } from "../../lib/config/toml_positions.ts";

const document = `# a comment = not a key
name = "x" # [not.a.table]
"quoted key" = 1
'literal.key' = 2
a.b . "c.d" = true
text = """
[inside]
x = 1 \\""" still
"""
literal = '''
y = 2
'''''
list = [ 1, # one
  "a ] b", [2, 3],
  { p = 1, "q.r" = [4] },
]
table = { x = 1, y.z = "}", "w" = { v = 2 } }

[cluster]
  port = 25520
[actors."orders-\\u002A"]
mailbox = { capacity = 10 }
[[servers]]
host = "a"
[servers.tls]
file = "f"
[[servers]]
host = "b"
[servers.tls]
file = "g"
[ deep . 'er' ]
date = 1979-05-27T07:32:00Z
big = 1_000
`;

const positions = TomlPositions.of(document);
const lines = document.split("\n");

/** What stands at the place of a path. */
function at(path: readonly PathPart[], part: "key" | "value", length: number): string {
  const { line, column } = positions.find(path)![part];
  return lines[line - 1]!.slice(column - 1, column - 1 + length);
}

Deno.test("keys and values of every form are found at their place", () => {
  parse(document);
  const cases: readonly [PathPart[], string, string][] = [
    [["name"], "name", '"x"'],
    [["quoted key"], '"quoted key"', "1"],
    [["literal.key"], "'literal.key'", "2"],
    [["a"], "a", "true"],
    [["a", "b"], "b", "true"],
    [["a", "b", "c.d"], '"c.d"', "true"],
    [["text"], "text", '"""'],
    [["literal"], "literal", "'''"],
    [["list"], "list", "["],
    [["list", 0], "1", "1"],
    [["list", 1], '"a ] b"', '"a ] b"'],
    [["list", 2, 1], "3", "3"],
    [["list", 3, "p"], "p", "1"],
    [["list", 3, "q.r", 0], "4", "4"],
    [["table", "x"], "x", "1"],
    [["table", "y", "z"], "z", '"}"'],
    [["table", "w", "v"], "v", "2"],
    [["cluster"], "cluster", "[cluster]"],
    [["cluster", "port"], "port", "25520"],
    [["actors", "orders-*"], '"orders', '[actors."orders'],
    [["actors", "orders-*", "mailbox", "capacity"], "capacity", "10"],
    [["servers", 0, "host"], "host", '"a"'],
    [["servers", 0, "tls", "file"], "file", '"f"'],
    [["servers", 1, "host"], "host", '"b"'],
    [["servers", 1, "tls", "file"], "file", '"g"'],
    [["deep", "er", "date"], "date", "1979"],
    [["deep", "er", "big"], "big", "1_000"],
  ];
  for (const [path, key, value] of cases) {
    assertEquals([path, at(path, "key", key.length)], [path, key]);
    assertEquals([path, at(path, "value", value.length)], [path, value]);
  }
});

Deno.test("what has no place of its own has that of the table around it", () => {
  assertEquals(
    positions.find(["cluster", "missing"])?.key.line,
    positions.find(["cluster"])?.key.line,
  );
  assertEquals(positions.find(["nothing"]), undefined);
  assertEquals(positions.find(["inside"]), undefined);
});

Deno.test("lines may end with CR LF, and a byte order mark is no key", () => {
  const found = TomlPositions.of("\ufeffa = 1\r\n[b]\r\nc = 2\r\n").find(["b", "c"]);
  assertEquals(found, { key: { line: 3, column: 1 }, value: { line: 3, column: 5 } });
  assertEquals(TomlPositions.of("\ufeffa = 1").find(["a"])?.key, { line: 1, column: 2 });
});

/** The paths of all keys of a parsed document. */
function* pathsOf(value: unknown, path: readonly PathPart[] = []): Generator<readonly PathPart[]> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null || value instanceof Date) return;
  const entries: [PathPart, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  for (const [key, item] of entries) yield* pathsOf(item, [...path, key]);
}

const keyText = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/),
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc.stringMatching(/^[a-z =\][{}#.,"]{0,6}$/).map((text) => `'${text}'`),
);
const scalar = fc.oneof(
  fc.integer().map(String),
  fc.boolean().map(String),
  fc.string({ maxLength: 9 }).map((text) => JSON.stringify(text)),
  fc.stringMatching(/^[a-z\n\][=#{}"]{0,12}$/).map((text) => `'''${text}'''`),
  fc.constant("1979-05-27T07:32:00Z"),
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[ ${items.join(",\n# c ]\n")} ]`),
    fc.array(fc.tuple(keyText, tie("value")), { maxLength: 3 }).map((pairs) =>
      `{ ${pairs.map(([key, item]) => `${key} = ${item}`).join(", ")} }`
    ),
  ),
}));
const line = fc.oneof(
  fc.tuple(keyText, value).map(([key, item]) => `${key} = ${item} # = [`),
  fc.tuple(keyText, keyText, value).map(([a, b, item]) => `${a} .${b}= ${item}`),
  keyText.map((key) => `[${key}]`),
  fc.tuple(keyText, keyText).map(([a, b]) => `[ ${a}.${b} ]`),
  keyText.map((key) => `[[${key}]]`),
);

Deno.test("every key of a document that a parser accepts has a place of its own", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }).map((all) => all.join("\n")), (text) => {
      const found = TomlPositions.of(text);
      let parsed: unknown;
      try {
        parsed = parse(text);
      } catch {
        return;
      }
      accepted++;
      for (const path of pathsOf(parsed)) {
        const place = found.find(path);
        assert(place !== undefined, JSON.stringify(path));
        // Its own, and not that of the table around it.
        const around = found.find(path.slice(0, -1));
        if (typeof path.at(-1) === "string" && path.length > 1 && around !== undefined) {
          const same = place.key.line === around.key.line && place.key.column === around.key.column;
          assert(!same, `${JSON.stringify(path)} in\n${text}`);
        }
      }
    }),
    { numRuns: 2_000 },
  );
  assert(accepted > 300, `${accepted} documents were accepted`);
});
