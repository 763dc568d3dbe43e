import { assertEquals } from "@std/assert";
import { command, toolStart, withToolStart } from "../../lib/cert/tool_command.ts";
import { certTool, certToolOf } from "../../lib/runtime/cert_tool.ts";

const published = "https://registry.example/@casty/casty/1.2.3/";

Deno.test("the tool of a published package is named by the package", () => {
  assertEquals(certToolOf(`${published}lib/runtime/cert_tool.ts`), "jsr:@casty/casty/cert");
  assertEquals(
    toolStart(`${published}cert.ts`, "deno", "/home/me"),
    "deno run -A jsr:@casty/casty/cert",
  );
});

Deno.test("the tool of a checkout is named by its path, from where it was started", () => {
  assertEquals(certTool, "cert.ts");
  const of = (path: string, folder: string) => toolStart(`file://${path}`, "deno", folder);
  assertEquals(of("/src/casty/cert.ts", "/src/casty"), "deno run -A cert.ts");
  assertEquals(of("/src/casty/cert.ts", "/src"), "deno run -A casty/cert.ts");
  assertEquals(of("/src/casty/cert.ts", "/home/me"), "deno run -A /src/casty/cert.ts");
  assertEquals(of("/my%20src/cert.ts", "/"), "deno run -A 'my src/cert.ts'");
});

Deno.test("on Node and Bun the tool is started by these", () => {
  assertEquals(toolStart("file:///a/cert.js", "node", "/a"), "node cert.js");
  assertEquals(toolStart("file:///a/cert.ts", "bun", "/a"), "bun cert.ts");
});

Deno.test("a tool that was run from a web address is named by it", () => {
  const url = "https://example.org/casty/cert.ts";
  assertEquals(toolStart(url, "deno", "/"), `deno run -A ${url}`);
});

Deno.test("arguments that a shell would take apart are quoted", () => {
  assertEquals(
    command("doctor", "my certs", "a'b"),
    `deno run -A cert.ts doctor 'my certs' 'a'\\''b'`,
  );
  assertEquals(withToolStart("  deno run -A cert.ts init"), "  deno run -A cert.ts init");
});
