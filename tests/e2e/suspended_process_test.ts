import { assert } from "@std/assert";

Deno.test("a process that SIGSTOP has held beyond its time runs a few messages more, and no more", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("suspended_process.ts", import.meta.url).pathname],
    stdout: "piped",
  }).spawn();
  const lines: string[] = [];
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const nextLine = async () => {
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
    }
    lines.push(text);
    return text;
  };
  assert((await nextLine()).startsWith("flooded"));
  child.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  child.kill("SIGCONT");
  const { handled, late, longest } = JSON.parse(await nextLine());
  await child.status;
  assert(longest > 2_000, `it stood still for ${longest} ms only`);
  assert(handled > 1_000, `the flood was ${handled} messages`);
  assert(late <= 256, `${late} messages were handled after the time had ended`);
});
