import { assert, assertEquals } from "@std/assert";
import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
import { createCa, issueNode } from "@casty/casty/cert";
import type { TlsMaterial } from "@casty/casty/runtime";
import { shardEnvelope } from "@casty/casty";

const marker = "a-secret-that-must-not-cross-the-wire-in-plain-text";

/** Passes bytes on between a socket and another port, and keeps a copy of them. */
class RecordingProxy implements AsyncDisposable {
  readonly bytes: Uint8Array[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #sockets = new Set<Deno.Conn>();
  readonly #work: Promise<unknown>[] = [];

  readonly target: number;

  constructor(target: number) {
    this.target = target;
    this.#work.push(this.#accept());
  }

  get address(): string {
    return `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  get text(): string {
    const decoder = new TextDecoder("latin1");
    return this.bytes.map((chunk) => decoder.decode(chunk)).join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) close(socket);
    await Promise.all(this.#work);
  }

  async #accept(): Promise<void> {
    try {
      for await (const near of this.#listener) {
        const far = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
        this.#sockets.add(near).add(far);
        this.#work.push(this.#pass(near, far), this.#pass(far, near));
      }
    } catch {
      // The listener was closed.
    }
  }

  async #pass(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      for (let length; (length = await from.read(buffer)) !== null;) {
        const chunk = buffer.slice(0, length);
        this.bytes.push(chunk);
        for (let sent = 0; sent < chunk.length;) sent += await to.write(chunk.subarray(sent));
      }
    } catch {
      // One side is gone.
    }
    close(from);
    close(to);
  }
}

function close(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // It was closed before.
  }
}

/** Sends the marker to an entity on another node and back; answers what the proxy has seen. */
async function record(tls: TlsMaterial | undefined): Promise<string> {
  type Say = { text: string; replyTo: ActorRef<string> };
  const echo = () =>
    Behaviors.receive<Say>((_context, { text, replyTo }) => {
      replyTo.tell(`${text}!`);
      return Behaviors.same();
    });
  const options = { name: "private", host: "127.0.0.1", port: 0, ...(tls && { tls }) };
  await using first = await ClusteredActorSystem.start(options);
  const port = Number(first.address.split(":")[1]);
  await using proxy = new RecordingProxy(port);
  first.spawn(Behaviors.sharded(echo, { numShards: 4 }), "echo");
  await using second = await ClusteredActorSystem.start({
    ...options,
    seedNodes: [first.address],
    requiredQuorum: 2,
    // Everything that goes to the first node takes the way through the proxy.
    addressMap: (address) => address === first.address ? proxy.address : address,
  });
  await first.waitFor(2);
  const ref = second.spawn(Behaviors.sharded(echo, { numShards: 4 }), "echo");
  // Of several shards at least one belongs to the first node.
  for (const id of ["a", "b", "c", "d", "e", "f"]) {
    const answer = await second.ask(
      ref,
      (replyTo: ActorRef<string>) => shardEnvelope(id, { text: marker, replyTo }),
    );
    assertEquals(answer, `${marker}!`);
  }
  return proxy.text;
}

Deno.test("no plain text of a message crosses the wire", async () => {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["127.0.0.1"] });
  const encrypted = await record({ cert, key, ca: ca.cert });
  assert(encrypted.length > 2_000, `only ${encrypted.length} bytes were recorded`);
  assert(!encrypted.includes("secret"), "the message crossed in plain text");
  assert(!encrypted.includes("echo"), "a path crossed in plain text");
  // The same without TLS is readable: the recording would have shown it.
  const plain = await record(undefined);
  assert(plain.includes(marker), "the recording does not see messages at all");
});
