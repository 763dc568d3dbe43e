import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));

/** The files below a folder, with their paths from the root. */
function files(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, root))].flatMap(({ name, isDirectory }) =>
    isDirectory ? files(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

const entries = [
  "mod.ts",
  "client.ts",
  "cert.ts",
  "cli.ts",
  "dashboard.ts",
  "gateway.ts",
  "gateway_client.ts",
  "gateway_node.ts",
  "metrics.ts",
  "otel.ts",
  "up.ts",
];
const all = [...files("lib"), ...files("tests"), ...files("docs"), ...files("examples")];

Deno.test("ARCHITECTURE.md and the decisions name files that exist", () => {
  const wrong: string[] = [];
  let names = 0;
  for (
    const page of [
      "ARCHITECTURE.md",
      ...all.filter((path) => path.startsWith("docs/decisions/")),
    ]
  ) {
    for (const [, path] of read(page).matchAll(/`([\w/.]+\.ts)`/g)) {
      names++;
      if (entries.includes(path!)) continue;
      if (!all.some((file) => file === path || file.endsWith(`/${path}`))) {
        wrong.push(`${page}: ${path}`);
      }
    }
  }
  assertEquals(wrong, []);
  assert(names > 60, `only ${names} names were found`);
});

Deno.test("ARCHITECTURE.md has a row for each room of lib", () => {
  const page = read("ARCHITECTURE.md");
  const rooms = [...Deno.readDirSync(new URL("lib/", root))]
    .filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name)
    .filter((name) => name !== "offline");
  assertEquals(rooms.filter((room) => !page.includes(`| \`lib/${room}/\``)), []);
});

Deno.test("links between pages lead to files that exist", () => {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    ...all.filter((path) => path.endsWith(".md")),
  ];
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      const url = new URL(target!, new URL(page, root));
      try {
        Deno.statSync(url);
      } catch {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  assertEquals(broken, []);
});

Deno.test("sequence diagrams hold no semicolon, which would end a statement of theirs", () => {
  const diagrams = [...read("ARCHITECTURE.md").matchAll(/```mermaid\n([\s\S]*?)```/g)];
  assert(diagrams.length >= 5, `only ${diagrams.length} diagrams were found`);
  for (const [, text] of diagrams) {
    assert(text!.startsWith("sequenceDiagram\n"));
    assert(!text!.includes(";"), text);
  }
});

Deno.test("ARCHITECTURE.md says which rooms a room may import, as the architecture test does", () => {
  const test = read("tests/architecture_test.ts");
  const page = read("ARCHITECTURE.md");
  const table = test.slice(test.indexOf("const allowed"), test.indexOf("};"));
  let rooms = 0;
  for (const [, room, list] of table.matchAll(/^ {2}(\w+): \[([^\]]*)\]/gms)) {
    if (room === "offline" || room === "testkit") continue;
    rooms++;
    const names = [...list!.matchAll(/"([\w.]+)"/g)].map(([, name]) => name);
    const row = new RegExp(`^\\| .lib/${room}/. .*\\| (.*?) +\\|$`, "m").exec(page);
    assertEquals(row?.[1], names.join(", ") || "nothing", room);
  }
  assert(rooms >= 13, `only ${rooms} rooms were found`);
});
