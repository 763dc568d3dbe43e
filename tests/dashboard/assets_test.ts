import { assert, assertEquals } from "@std/assert";
import { assetNamed, assetNames } from "../../lib/dashboard/server/asset_store.ts";
import { pageFiles } from "../../scripts/dashboard_assets.ts";

async function textOf(name: string): Promise<string> {
  const stream = new Blob([assetNamed(name)!.gzip]).stream();
  return await new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text();
}

Deno.test("the page in the library is made from its sources: deno task dashboard:assets", async () => {
  const files = await pageFiles();
  assertEquals([...assetNames()].sort(), [...files.keys()].sort());
  for (const [name, text] of files) assertEquals(await textOf(name), text, name);
});

Deno.test("the page is smaller than 80 KB, compressed", () => {
  const size = assetNames().reduce((sum, name) => sum + assetNamed(name)!.gzip.byteLength, 0);
  assert(size < 80 * 1024, `${size} bytes`);
  assert(size > 20 * 1024, `${size} bytes`);
});

Deno.test("the page loads what is in the library, and nothing else", async () => {
  const names = assetNames();
  for (const name of names) {
    const text = await textOf(name);
    if (name.endsWith(".js")) {
      for (const [, from] of text.matchAll(/\bfrom\s*"([^"]+)"/g)) {
        assert(names.includes(from!.slice("./".length)), `${name} imports ${from}`);
      }
    }
    if (name.endsWith(".html")) {
      for (const [, url] of text.matchAll(/(?:href|src)="([^"]+)"/g)) {
        if (url === "data:,") continue;
        assert(names.includes(url!.slice("/assets/".length)), `${name} loads ${url}`);
      }
      assert(!/<script(?![^>]*src=)|\son\w+=|style=/.test(text), "inline code is not allowed");
    }
    if (name.endsWith(".css")) assert(!/@import|url\(/.test(text), name);
  }
});

Deno.test("a name that is no file of the page has none", () => {
  for (const name of ["constructor", "__proto__", "../main.js", "", "main"]) {
    assertEquals(assetNamed(name), undefined, name);
  }
});
