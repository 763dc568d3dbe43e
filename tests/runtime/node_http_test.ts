import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { assert } from "@std/assert";
import { writeResponse } from "../../lib/runtime/node_http.ts";

/** Serves one request by `respond`, and gives its connection to `run`. */
async function withRequest(
  respond: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
  run: (client: ReturnType<typeof connect>) => Promise<void>,
): Promise<void> {
  const server = createServer(respond);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  try {
    await run(client);
  } finally {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

Deno.test("node:http: the body of a response to a client that has gone meanwhile is cancelled", async () => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  await withRequest(async (incoming, outgoing) => {
    outgoing.once("close", gone.resolve);
    arrived.resolve();
    // As one whose principal is looked for.
    await gone.promise;
    // Says little, and never ends, as a stream of events.
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: () => cancelled.resolve(),
    });
    await writeResponse(new Response(body), incoming, outgoing);
  }, async (client) => {
    await arrived.promise;
    client.destroy();
    await cancelled.promise;
  });
});

Deno.test("node:http: a body that fails while its client reads nothing ends the connection", async () => {
  const full = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  await withRequest((incoming, outgoing) => {
    outgoing.once("close", closed.resolve);
    const write = outgoing.write.bind(outgoing) as (chunk: Uint8Array) => boolean;
    outgoing.write = (chunk: Uint8Array) => {
      const hasRoom = write(chunk);
      if (!hasRoom) full.resolve();
      return hasRoom;
    };
    const body = new ReadableStream<Uint8Array>({
      start: (given) => void (controller = given),
      pull: () => controller.enqueue(new Uint8Array(16_000_000)),
    });
    writeResponse(new Response(body), incoming, outgoing).catch(() => {});
  }, async (client) => {
    client.pause();
    await full.promise;
    controller.error(new Error("slowClient"));
    await closed.promise;
  });
});

Deno.test("node:http: waits for a client that reads slowly leave nothing behind", async () => {
  const written = Promise.withResolvers<void>();
  let waits = 0;
  let listeners = 0;
  await withRequest((incoming, outgoing) => {
    const write = outgoing.write.bind(outgoing) as (chunk: Uint8Array) => boolean;
    outgoing.write = (chunk: Uint8Array) => {
      const hasRoom = write(chunk);
      if (!hasRoom) waits++;
      listeners = Math.max(listeners, outgoing.listenerCount("close"));
      return hasRoom;
    };
    let left = 30;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (left-- === 0) controller.close();
        else controller.enqueue(new Uint8Array(1_000_000));
      },
    });
    writeResponse(new Response(body), incoming, outgoing).then(written.resolve, written.reject);
  }, async (client) => {
    client.resume();
    await written.promise;
  });
  assert(waits >= 20, `it has waited ${waits} times`);
  assert(listeners < 6, `there were ${listeners} listeners`);
});
