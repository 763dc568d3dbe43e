import { assert } from "@std/assert";

/** Whether a process is stopped by a signal. */
async function isStopped(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}

Deno.test({
  name: "a process that SIGSTOP has held beyond its time runs a few messages more, and no more",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("suspended_process.ts", import.meta.url).pathname],
      stdout: "piped",
    }).spawn();
    const output = new Response(child.stdout).text();
    while (!await isStopped(child.pid)) await new Promise((resolve) => setTimeout(resolve, 20));
    // Longer than its gate is open.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    child.kill("SIGCONT");
    const { handled, late, longest } = JSON.parse(await output);
    await child.status;
    assert(longest > 1_900, `it stood still for ${longest} ms only`);
    assert(handled > 1_000, `the flood was ${handled} messages`);
    assert(late <= 256, `${late} messages were handled after the time had ended`);
  },
});
