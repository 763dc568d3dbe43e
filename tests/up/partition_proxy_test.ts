import { assertEquals, assertRejects } from "@std/assert";
import { isCut, outside } from "../../lib/up/partition.ts";
import { PartitionProxy } from "../../lib/up/partition_proxy.ts";

/** Three nodes that answer each byte with their number. */
class Nodes implements AsyncDisposable {
  readonly proxy: PartitionProxy;
  readonly #listeners: Deno.Listener[] = [];

  private constructor(proxy: PartitionProxy) {
    this.proxy = proxy;
  }

  static async start(): Promise<Nodes> {
    const nodes = new Nodes(await PartitionProxy.open(3));
    for (const node of [1, 2, 3]) nodes.#listen(node);
    return nodes;
  }

  #listen(node: number): void {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listeners.push(listener);
    this.proxy.setTarget(node, listener.addr.port);
    const serve = async () => {
      for await (const conn of listener) void answer(conn, node);
    };
    void serve();
  }

  /** Connects as a node does, or as a client outside. */
  async connect(from: number, to: number): Promise<Deno.TcpConn> {
    const address = this.proxy.addressOf(to);
    const dialled = from === outside ? address : this.proxy.addressMapOf(from)[address]!;
    return await Deno.connect({ hostname: "127.0.0.1", port: Number(dialled.split(":")[1]) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.proxy.close();
    for (const listener of this.#listeners) listener.close();
    return Promise.resolve();
  }
}

async function answer(conn: Deno.Conn, node: number): Promise<void> {
  using _closing = conn;
  const buffer = new Uint8Array(1);
  try {
    while (await conn.read(buffer) !== null) await conn.write(Uint8Array.of(node));
  } catch {
    // The proxy has closed it.
  }
}

/** The number of the node at the other end; null: the connection was closed. */
async function ask(conn: Deno.TcpConn): Promise<number | null> {
  await conn.write(Uint8Array.of(0));
  return await read(conn);
}

async function read(conn: Deno.TcpConn): Promise<number | null> {
  const buffer = new Uint8Array(1);
  try {
    return await conn.read(buffer) === null ? null : buffer[0]!;
  } catch {
    return null;
  }
}

Deno.test("a node that is cut off reaches nobody, and nobody reaches it", () => {
  const cutOff = new Set([2]);
  assertEquals(isCut(cutOff, 2, 3), true);
  assertEquals(isCut(cutOff, 3, 2), true);
  assertEquals(isCut(cutOff, outside, 2), true);
  assertEquals(isCut(cutOff, 1, 3), false);
  assertEquals(isCut(cutOff, outside, 1), false);
});

Deno.test("each pair of nodes, and clients, get through to the right node", async () => {
  await using nodes = await Nodes.start();
  for (const [from, to] of [[1, 2], [2, 1], [3, 1], [outside, 3]] as const) {
    using conn = await nodes.connect(from, to);
    assertEquals(await ask(conn), to);
  }
});

Deno.test("while a node is cut off nothing passes, and healing closes what was held", async () => {
  await using nodes = await Nodes.start();
  using open = await nodes.connect(1, 2);
  using other = await nodes.connect(1, 3);
  assertEquals(await ask(open), 2);
  nodes.proxy.setCutOff(2, true);
  // Not refused, as in a network that loses packets.
  using held = await nodes.connect(1, 2);
  await held.write(Uint8Array.of(0));
  await open.write(Uint8Array.of(0));
  const answers = Promise.all([read(open), read(held)]);
  // This takes the same way after them.
  assertEquals(await ask(other), 3);
  nodes.proxy.setCutOff(2, false);
  assertEquals(await answers, [null, null]);
  using again = await nodes.connect(1, 2);
  assertEquals(await ask(again), 2);
});

Deno.test("connections of a node end with its process", async () => {
  await using nodes = await Nodes.start();
  using to = await nodes.connect(1, 2);
  assertEquals(await ask(to), 2);
  nodes.proxy.setTarget(2, undefined);
  assertEquals(await read(to), null);
  using late = await nodes.connect(1, 2);
  assertEquals(await read(late), null);
});

Deno.test("connections to a node that has not started yet are held until it listens", async () => {
  const proxy = await PartitionProxy.open(2);
  using _closing = { [Symbol.dispose]: () => proxy.close() };
  const connect = () => {
    const [, port] = proxy.addressMapOf(1)[proxy.addressOf(2)]!.split(":");
    return Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  };
  using early = await connect();
  await early.write(Uint8Array.of(0));
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  proxy.setTarget(2, listener.addr.port);
  void listener.accept().then((conn) => answer(conn, 2));
  assertEquals(await read(early), 2);
  // Afterwards it has ended, and others are told at once.
  proxy.setTarget(2, undefined);
  using late = await connect();
  assertEquals(await read(late), null);
});

Deno.test("closing frees all ports", async () => {
  const proxy = await PartitionProxy.open(2);
  const port = proxy.portOf(1);
  proxy.close();
  await assertRejects(
    () => Deno.connect({ hostname: "127.0.0.1", port }),
    Deno.errors.ConnectionRefused,
  );
});
