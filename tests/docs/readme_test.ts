/** README leads to every example and every page. */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const readme = Deno.readTextFileSync(new URL("README.md", root));

function namesIn(folder: string, end: string): string[] {
  return [...Deno.readDirSync(new URL(folder, root))].map(({ name }) => name)
    .filter((name) => name.endsWith(end));
}

Deno.test("README names every example", () => {
  const examples = namesIn("examples/", ".ts");
  assert(examples.length > 30, `only ${examples.length} examples were found`);
  const isNamed = (name: string) => new RegExp(`[\`/]${RegExp.escape(name)}\\b`).test(readme);
  assertEquals(examples.filter((name) => !isNamed(name)), []);
});

Deno.test("README links every page of docs", () => {
  const pages = namesIn("docs/", ".md");
  assert(pages.length > 20, `only ${pages.length} pages were found`);
  assertEquals(pages.filter((name) => !readme.includes(`(docs/${name})`)), []);
});

Deno.test("what README runs and links exists", () => {
  const links = [...readme.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, path]) => path!)
    .filter((path) => !path.includes("://"));
  const programs = [...readme.matchAll(/deno (?:run|test) -A ([\w/]+\.ts)/g)]
    .map(([, path]) => path!).filter((path) => path !== "app.ts");
  assert(links.length > 30 && programs.length > 30, `${links.length} ${programs.length}`);
  const isMissing = (path: string) => {
    try {
      return !Deno.statSync(new URL(path, root));
    } catch {
      return true;
    }
  };
  assertEquals([...links, ...programs].filter(isMissing), []);
});
