import { assert, assertEquals } from "@std/assert";
import { anything, type Option, type OptionTable } from "../../lib/options/option.ts";
import { formatDefault, optionsPage } from "../../lib/options/option_docs.ts";
import { internalTables, optionChapters } from "../../lib/options/option_tables.ts";
import {
  defaultAtTheCall,
  describedAtTheCall,
  documentedBy,
  leftOut,
  noUserOptions,
} from "./interfaces.ts";

const lib = new URL("../../lib/", import.meta.url);
const userTables = new Set(optionChapters.flatMap(({ tables }) => tables));

/** All tables that are exported, by the names of their constants. */
const tables = new Map<string, OptionTable>();
for (const { name } of Deno.readDirSync(new URL("options/tables/", lib))) {
  const exports: Record<string, unknown> = await import(`../../lib/options/tables/${name}`);
  for (const [key, value] of Object.entries(exports)) {
    if (key.endsWith("Table")) tables.set(key, value as OptionTable);
  }
}

interface Property {
  readonly optional: boolean;
  readonly doc: string;
}

/** The properties of an interface, as deno fmt writes it. */
function propertiesOf(where: string): Map<string, Property> {
  const [room, name] = where.split("#") as [string, string];
  const shape = new RegExp(`^export interface ${name}\\b[^{]*{\\n(.*?)^}`, "ms");
  const bodies = [...sources(new URL(`${room}/`, lib))].flatMap((path) => {
    return shape.exec(Deno.readTextFileSync(path))?.[1] ?? [];
  });
  assertEquals(bodies.length, 1, `interfaces that are ${where}`);
  const body = bodies[0]!;
  const property = /(?:\/\*\*((?:(?!\*\/).)*)\*\/\s*)?^ {2}readonly (\w+)(\??):/gms;
  return new Map([...body.matchAll(property)].map(([, doc = "", name, mark]) => {
    return [name!, { optional: mark === "?", doc: plain(doc.replace(/^\s*\*/gm, "")) }];
  }));
}

/** One line, numbers without separators, without marks of code and links. */
function plain(text: string): string {
  return text.replace(/\{@linkcode (\w+)\}/g, "$1").replaceAll("`", "").replace(/\s+/g, " ")
    .replace(/(?<=\d)[ ,](?=\d{3}(?!\d))/g, "");
}

function documentedDefaults(option: Option): string[] {
  const { default: value, defaultText } = option;
  if (value === undefined) return defaultText === undefined ? [] : [defaultText];
  return [formatDefault(value, option), typeof value === "string" ? `"${value}"` : String(value)];
}

/** What is wrong with the text of an option; undefined: nothing. */
function fault(option: Option, { doc }: Property): string | undefined {
  const mentions = /\bDefault\b/.test(doc);
  // That there is none, or what it is in detail, need not be said.
  const isClear = option.defaultText === "none" || option.type.kind === "group";
  if (isClear && option.default === undefined && !mentions) return undefined;
  const wanted = documentedDefaults(option).map(plain);
  if (wanted.length === 0) {
    return /\bDefault\b/.test(doc) ? "has a default, the table none" : undefined;
  }
  const found = wanted.some((text) => {
    const at = doc.search(/\bDefault\b/);
    const said = doc.slice(at).replace(/^Default:? /, "");
    return at >= 0 && said.startsWith(text) && !/^[\w]/.test(said.slice(text.length));
  });
  return found ? undefined : `should say: Default ${wanted[0]}`;
}

Deno.test("every table is one of users or an internal one", () => {
  const known = new Set([...userTables, ...internalTables]);
  const forgotten = [...tables].filter(([, table]) => !known.has(table)).map(([name]) => name);
  assertEquals(forgotten, []);
  const described = new Set([...Object.keys(documentedBy), ...describedAtTheCall]);
  assertEquals([...tables.keys()].filter((name) => !described.has(name)), []);
});

for (const [name, interfaces] of Object.entries(documentedBy)) {
  Deno.test(`${name}: JSDoc and table name the same options and defaults`, () => {
    const { options } = tables.get(name)!;
    const documented = new Map(
      interfaces.toReversed().flatMap((where) => [...propertiesOf(where)]),
    );
    for (const option of leftOut[name] ?? []) documented.delete(option);
    assertEquals([...documented.keys()].sort(), Object.keys(options).sort());
    const faults = [...documented].flatMap(([key, property]) => {
      const wrong = defaultAtTheCall.includes(key) ? undefined : fault(options[key]!, property);
      return wrong === undefined ? [] : [`${key}: ${wrong}`];
    });
    assertEquals(faults, []);
    // Limits are written without marks, since code that has them all reads them.
    if ([...documented.values()].every(({ optional }) => !optional)) return;
    // A message may be `undefined`, which the table cannot tell from a missing one.
    const required = [...documented]
      .filter(([key, { optional }]) => !optional && options[key]!.type !== anything)
      .map(([key]) => key);
    assertEquals(required.sort(), [...tables.get(name)!.required].sort());
  });
}

Deno.test("every interface of options is in a table, or no user passes it", () => {
  const described = new Set(
    Object.values(documentedBy).flat().map((where) => where.split("#")[1]!),
  );
  const forgotten: string[] = [];
  for (const path of sources(lib)) {
    const text = Deno.readTextFileSync(path);
    for (
      const [, name] of text.matchAll(
        /^export interface (\w*(?:Options|Limits|Timing|Config|Paths|Texts|Retry))\b/gm,
      )
    ) {
      if (!described.has(name!) && !(name! in noUserOptions)) forgotten.push(`${path}: ${name}`);
    }
  }
  assertEquals(forgotten, []);
});

Deno.test("defaults stand in the table only", () => {
  const defaults = new Map<string, Set<string>>();
  for (const { options } of tables.values()) {
    for (const [name, { default: value }] of Object.entries(options)) {
      if (value === undefined) continue;
      defaults.set(
        name,
        (defaults.get(name) ?? new Set()).add(
          typeof value === "string" ? JSON.stringify(value) : String(value),
        ),
      );
    }
  }
  const literal = String.raw`([\d_.]+|"[^"]*"|true|false|Infinity)`;
  // In a destructuring, or as `options.name ?? value`.
  const second = new RegExp(
    String.raw`[{,]\s*(\w+)(?:: \w+)? = ${literal}(?=\s*[,}])|\.(\w+) \?\? ${literal}`,
    "g",
  );
  const copies: string[] = [];
  let found = 0;
  for (const path of sources(lib)) {
    const inLib = path.href.slice(lib.href.length);
    if (/^(options|offline)\//.test(inLib)) continue;
    for (const match of Deno.readTextFileSync(path).matchAll(second)) {
      found++;
      const [text, outer, first, inner, other] = match;
      const value = (first ?? other)!.replaceAll("_", "");
      if (defaults.get((outer ?? inner)!)?.has(value)) copies.push(`${inLib}: ${text}`);
    }
  }
  assertEquals(copies, []);
  assert(found > 50, `only ${found} literals were found`);
});

Deno.test("docs/options.md is what deno task docs:options writes", () => {
  const page = Deno.readTextFileSync(new URL("../docs/options.md", lib));
  assertEquals(page, optionsPage(optionChapters), "run deno task docs:options");
});

Deno.test("the page names every option with its text", () => {
  const page = optionsPage(optionChapters);
  for (const { owner, options } of userTables) {
    assert(page.includes(`\n### ${owner}\n`), owner);
    for (const [name, { text }] of Object.entries(options)) {
      assert(page.includes(`| \`${name}\` |`), name);
      assert(page.includes(text.replaceAll("|", "\\|")), text);
      assert(/^[A-Z`].*[.)]$/.test(text), `${owner}.${name}: ${text}`);
    }
  }
});

function* sources(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}
