import { assert } from "@std/assert";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";

function linesOf(bytes: ReadableStream<Uint8Array>): AsyncIterableIterator<string> {
  return bytes.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new TextLineStream()).values();
}

Deno.test("a process that a debugger has stopped does not use up the timeouts of its asks", async () => {
  const timeout = 1_500;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--inspect=127.0.0.1:0",
      import.meta.resolve("./debugger_child.ts"),
      String(timeout),
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = linesOf(child.stdout);
  const errors = linesOf(child.stderr);
  try {
    let url: string | undefined;
    while (url === undefined) {
      const { value, done } = await errors.next();
      assert(!done, "no inspector was opened");
      url = /ws:\S+/.exec(value)?.[0];
    }
    const socket = new WebSocket(url);
    await new Promise((resolve) => socket.onopen = resolve);
    let id = 0;
    const paused = Promise.withResolvers<void>();
    const send = (method: string) => socket.send(JSON.stringify({ id: ++id, method }));
    socket.onmessage = ({ data }) => {
      if (JSON.parse(data).method === "Debugger.paused") paused.resolve();
    };
    const first = await said.next();
    assert(first.value === "asking", first.value);
    send("Debugger.enable");
    send("Debugger.pause");
    await paused.promise;
    const stoppedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const stopped = performance.now() - stoppedAt;
    send("Debugger.resume");
    const { value } = await said.next();
    assert(Number(value) >= timeout + stopped - 200, `${value} ms, ${stopped} of them stopped`);
    socket.close();
  } finally {
    await child.status;
    for await (const _ of errors);
  }
});
