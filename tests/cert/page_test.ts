import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commands } from "../../lib/cert/cli/cli.ts";
import { commandsOf, withoutChance } from "./page.ts";
import { Workspace } from "./workspace.ts";

const page = await Deno.readTextFile(new URL("../../docs/certificates.md", import.meta.url));

Deno.test("the commands of docs/certificates.md do what the page says", async (t) => {
  await using work = await Workspace.create();
  for (const { args, env, exitCode, output, line } of commandsOf(page)) {
    await t.step(line, async () => {
      Object.assign(work.env, env);
      const paths = args.map((arg) => arg.replace(/^(certs|store|vault)(?=\/|$)/, work.path("$1")));
      const result = await work.cert(...paths);
      assertEquals([result.exitCode, result.stderr], [exitCode, ""], result.stdout);
      if (output === undefined) return;
      const stdout = result.stdout.replaceAll(work.path(""), "");
      assertEquals(withoutChance(stdout), withoutChance(output));
    });
  }
});

Deno.test("the page shows each command, and its exit codes as its help does", () => {
  const shown = new Set(commandsOf(page).map(({ args }) => args[0]));
  for (const { name, usage } of commands) {
    assert(shown.has(name), `${name} is not shown`);
    const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\``));
    assert(row !== undefined, `${name} is not in the table`);
    const documented = row.split("|").slice(2, -1)
      .flatMap((cell, index) => cell.trim() === "" ? [] : [[0, 1, 2, 255][index]]);
    const help = /Exit codes: (.*)/.exec(usage)![1]!.split(", ")
      .flatMap((part) => /^\d+/.exec(part) ?? []).map(Number);
    assertEquals(documented, help, name);
  }
});

Deno.test("the page names every function that cert.ts exports", async () => {
  const functions = Object.entries(await import("../../cert.ts"))
    .filter(([, value]) => typeof value === "function").map(([name]) => name);
  assert(functions.length > 10);
  for (const name of functions) {
    if (!/^[A-Z]/.test(name)) assertStringIncludes(page, `\`${name}\``);
  }
});
