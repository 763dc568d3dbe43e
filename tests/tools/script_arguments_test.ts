import { assert, assertEquals } from "@std/assert";

const scripts = ["scripts/sim.ts", "scripts/mutations.ts", "scripts/net/run.ts"];

async function run(script: string, flag: string): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", script, flag],
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  return { code, text };
}

for (const script of scripts) {
  Deno.test(`${script} runs nothing for --help, or for a flag that it does not know`, async () => {
    const help = await run(script, "--help");
    assertEquals(help.code, 0);
    assert(help.text.startsWith("Usage: deno task"), help.text);
    const wrong = await run(script, "--sedes=3");
    assertEquals(wrong.code, 2);
    assert(/^--sedes\S*: not known/.test(wrong.text), wrong.text);
    assert(wrong.text.includes(help.text.trim()), wrong.text);
  });
}
