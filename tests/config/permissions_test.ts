import { assertEquals } from "@std/assert";

/** What a node from a file prints with these permissions. */
async function run(file: string, ...permissions: readonly string[]): Promise<string> {
  const child = new URL("permissions_child.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      "--allow-net=127.0.0.1",
      `--allow-read=${file}`,
      ...permissions,
      child,
      file,
    ],
    env: { CASTY_CLUSTER_ZONE: "environment", CASTY_CLUSTER_NODE_ID: "environment", NO_COLOR: "1" },
  });
  const { stdout, stderr } = await command.output();
  return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
}

Deno.test("a node reads its file only, and variables as far as it may", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/casty.toml`;
  await Deno.writeTextFile(
    file,
    `[cluster]\nname = "shop"\nhost = "127.0.0.1"\nport = 1\nnodeId = "file"\n`,
  );
  try {
    assertEquals(await run(file), "none file");
    assertEquals(await run(file, "--allow-env=CASTY_CLUSTER_ZONE"), "environment file");
    assertEquals(await run(file, "--allow-env"), "environment environment");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
