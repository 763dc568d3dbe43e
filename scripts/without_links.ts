/**
 * Runs a task on a copy of the project without `links`, so that the `@std` packages are loaded from
 * JSR and not from `lib/offline`. For machines with access to JSR.
 *
 *     deno run -A scripts/without_links.ts verify     # check and test
 *     deno run -A scripts/without_links.ts publish    # publish; more arguments go to deno publish
 *
 * @module
 */

const [mode, ...rest] = Deno.args;
const commands: Record<string, string[][]> = {
  verify: [["task", "check"], ["task", "test"]],
  publish: [["publish", "--allow-dirty", ...rest]],
};
const steps = commands[mode ?? ""];
if (steps === undefined) {
  console.error("Usage: deno run -A scripts/without_links.ts verify|publish");
  Deno.exit(2);
}

const copy = await Deno.makeTempDir({ prefix: "casty-jsr-" });
let code = 1;
try {
  await copyProject(copy);
  for (const args of steps) {
    code = (await new Deno.Command(Deno.execPath(), { args, cwd: copy }).spawn().status).code;
    if (code !== 0) break;
  }
} finally {
  await Deno.remove(copy, { recursive: true });
}
Deno.exit(code);

/** Copies all files of the repository except `lib/offline`, the lock file and the `links`. */
async function copyProject(target: string): Promise<void> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard"],
  }).output();
  for (const file of new TextDecoder().decode(stdout).split("\n")) {
    if (file === "" || file.startsWith("lib/offline/") || file === "deno.lock") continue;
    await Deno.mkdir(`${target}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(file, `${target}/${file}`);
  }
  const config = JSON.parse(await Deno.readTextFile("deno.json"));
  delete config.links;
  await Deno.writeTextFile(`${target}/deno.json`, JSON.stringify(config, null, 2) + "\n");
}
