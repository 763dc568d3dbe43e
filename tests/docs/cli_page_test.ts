import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exitCodes } from "../../lib/cli/admin/admin_command.ts";
import { commands, runCli } from "../../lib/cli/cli.ts";
import { configSchema } from "../../lib/config/config_schema.ts";

const read = (path: string) =>
  Deno.readTextFileSync(new URL(`../../docs/${path}`, import.meta.url));
const page = read("cli.md");

Deno.test("docs/cli.md has every command, and no other", () => {
  const table = page.slice(page.indexOf("| command"), page.indexOf("## Connecting"));
  const documented = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);
  assertEquals(documented.sort(), commands.map(({ name }) => name).sort());
});

Deno.test("docs/cli.md has every exit code of the commands that ask a cluster", () => {
  const codes = [...page.matchAll(/^\| (\d) {4}\|/gm)].map(([, code]) => Number(code));
  assertEquals(codes, Object.values(exitCodes));
});

Deno.test("docs/cli.md has the exit codes that the help of each command has", async () => {
  const table = page.slice(page.indexOf("## Exit codes"), page.indexOf("## Admins"));
  const rows = table.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const [heading, , ...codes] = rows;
  for (const { name } of commands) {
    const named = heading!.indexOf(`\`${name}\``);
    const column = named < 0 ? heading!.indexOf("commands that ask a cluster") : named;
    assert(column > 0, name);
    const { stdout } = await runCli([name, "--help"]);
    const help = stdout.slice(stdout.indexOf("Exit codes:"));
    assertEquals(
      [...help.matchAll(/\b(\d) /g)].map(([, code]) => code),
      codes.filter((row) => row[column] !== "-").map(([code]) => code),
      name,
    );
  }
});

Deno.test("every command has help with examples, options and exit codes", async () => {
  for (const { name } of commands) {
    const { exitCode, stdout, stderr } = await runCli([name, "--help"]);
    assertEquals([exitCode, stderr], [0, ""], name);
    assertStringIncludes(stdout, "Examples:");
    assertStringIncludes(stdout, "Exit codes:");
    assert(stdout.split("\n").every((line) => line.length <= 110), name);
  }
  const { stdout } = await runCli(["--help"]);
  for (const { name } of commands) assertStringIncludes(stdout, name);
});

Deno.test("a command that does not exist is answered with the nearest one", async () => {
  const { exitCode, stderr } = await runCli(["stauts"]);
  assertEquals(exitCode, 2);
  assertStringIncludes(stderr, "did you mean status?");
});

Deno.test("docs/configuration.md has every section of a file", () => {
  const text = read("configuration.md");
  const table = text.slice(text.indexOf("## Sections"), text.indexOf("## Actors by name"));
  const documented = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);
  const sections = new Set([...configSchema().keys.keys()].map((key) => key.split(".")[0]!));
  assertEquals(documented.sort(), [...sections, "actors"].sort());
});
