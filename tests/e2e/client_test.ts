import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

Deno.test("a client with a client certificate asks a running cluster from outside", async () => {
  const demo = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/tls_counter.ts", "--stay"],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(demo.stderr).text();
  const output = { text: "" };
  const reading = collect(demo.stdout, output);
  try {
    const command = await waitFor(output, reading, /^deno (run -A examples\/client\.ts .*)$/m);
    const client = await new Deno.Command(Deno.execPath(), {
      args: command.split(" "),
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(client.stdout);
    assertEquals(client.code, 0, new TextDecoder().decode(client.stderr));
    assertEquals(text, "client | VALUE=50\n");
  } finally {
    try {
      demo.kill("SIGTERM");
    } catch {
      // It has ended: its output below says why.
    }
  }
  assertEquals((await demo.status).code, 0, output.text + await errors);
  await reading.ended;
  await errors;
  for (let n = 1; n <= 5; n++) assert(output.text.includes(`node-${n} | LEAVING`), output.text);
  assert(output.text.includes("demo | all 5 nodes read 50"), output.text);
});

interface Reading {
  /** Resolves with each piece of output. */
  next: Promise<void>;
  readonly ended: Promise<void>;
}

function collect(stream: ReadableStream<Uint8Array>, output: { text: string }): Reading {
  let piece = Promise.withResolvers<void>();
  const reading = { next: piece.promise, ended: Promise.resolve() };
  const read = async () => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      output.text += chunk;
      piece.resolve();
      piece = Promise.withResolvers();
      reading.next = piece.promise;
    }
    piece.resolve();
  };
  reading.ended = read();
  return reading;
}

/** The first group of the pattern, as soon as it is printed. */
async function waitFor(
  output: { text: string },
  reading: Reading,
  pattern: RegExp,
): Promise<string> {
  const end = reading.ended.then(() => "ended" as const);
  for (;;) {
    const found = pattern.exec(output.text)?.[1];
    if (found !== undefined) return found;
    const more = await Promise.race([reading.next, end]);
    if (more === "ended") throw new Error(`the demo ended too early: ${output.text}`);
  }
}
