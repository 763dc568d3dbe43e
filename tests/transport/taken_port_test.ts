import { assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../lib/transport/base/errors.ts";
import { SocketAcceptor } from "../../lib/transport/tls/node_socket.ts";

Deno.test("a port that is taken between the look at it and its binding is reported as in use", async () => {
  const taker = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taker.addr as Deno.NetAddr;
  const { listen } = Deno;
  // The look finds the port free, as it was a moment ago.
  Deno.listen =
    ((options: Deno.TcpListenOptions) => listen({ ...options, port: 0 })) as typeof listen;
  try {
    const error = await assertRejects(
      () => SocketAcceptor.listen("127.0.0.1", port, () => {}),
      TransportError,
    );
    assertEquals(error.code, "addressInUse");
    assertEquals(error.value, `127.0.0.1:${port}`);
  } finally {
    Deno.listen = listen;
    taker.close();
  }
});
