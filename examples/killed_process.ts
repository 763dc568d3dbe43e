/**
 * Runs a program as a second process with these arguments, and kills it (`kill -9`) when it has written
 * `count` lines. Returns all its whole lines.
 */
export async function killedAfter(
  program: string,
  args: readonly string[],
  count: number,
): Promise<readonly string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, ...args],
    stdout: "piped",
  }).spawn();
  let text = "";
  let isKilled = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (!isKilled && text.split("\n").length > count) {
      isKilled = true;
      child.kill("SIGKILL");
    }
  }
  await child.status;
  // What comes after the last line end was cut off.
  return text.split("\n").slice(0, -1);
}
