import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const page = Deno.readTextFileSync(new URL("docs/glossary.md", root));

function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, root));
    return true;
  } catch {
    return false;
  }
}

Deno.test("docs/glossary.md names files and folders that exist", () => {
  const paths = [...page.matchAll(/`((?:lib|tests)\/[\w/.]+)`/g)].map(([, path]) => path!);
  assert(paths.length > 70, `only ${paths.length} paths were found`);
  assertEquals(paths.filter((path) => !exists(path)), []);
});

Deno.test("docs/glossary.md explains each term once", () => {
  const terms = [...page.matchAll(/^\| ([\w -,]+?) +\|/gm)]
    .flatMap(([, term]) => term!.split(", "))
    .filter((term) => term !== "term" && !/^-+$/.test(term));
  assert(terms.length > 70, `only ${terms.length} terms were found`);
  const twice = terms.filter((term, index) => terms.indexOf(term) !== index);
  assertEquals(twice, []);
});
