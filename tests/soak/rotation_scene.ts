/**
 * Two nodes and clients over mutual TLS whose authority and certificates are replaced, step by
 * step, while messages flow. Nothing may be lost.
 */
import { assertEquals } from "@std/assert";
import { type ActorRef, Behaviors, ClusteredActorSystem, TlsConfig } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { createCa, issueClient, type Issued, issueNode } from "@casty/casty/cert";
import { Lines } from "../e2e/lines.ts";

type Message = { readonly number: number } | { readonly replyTo: ActorRef<Report> };

/** What the receiver has seen. */
interface Report {
  readonly received: number;
  readonly faults: number;
}

/** Messages between two looks at what has arrived. */
const burst = 200;

/**
 * Deadlines of real time, in milliseconds, are not what this is about: on a machine with a load of
 * 20 a process gets 250 ms of processor time in the 5 s that a handshake may take by default.
 */
const patience = 60_000;

const hosts = ["127.0.0.1"];

/** The trust domain stays when the authority changes, as with `rotate-ca`. */
const clusterName = "rotation";

/** Files of one end, in a folder of its own, replaced as an operator would: by renaming. */
class Folder {
  readonly path: string;

  readonly name: string;

  constructor(root: string, name: string) {
    this.name = name;
    this.path = `${root}/${name}`;
    Deno.mkdirSync(this.path);
  }

  async write(file: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.path}/${file}.new`, text, { mode: 0o600 });
    await Deno.rename(`${this.path}/${file}.new`, `${this.path}/${file}`);
  }

  async writePair({ cert, key }: Issued): Promise<void> {
    await this.write("node.key", key);
    await this.write("node.crt", cert);
  }

  load(): Promise<TlsConfig> {
    const { path } = this;
    return TlsConfig.fromPaths({
      certFile: `${path}/node.crt`,
      keyFile: `${path}/node.key`,
      caFile: `${path}/ca.crt`,
      watch: true,
      watchInterval: 500,
    });
  }
}

/** A running scene. */
export class RotationScene implements AsyncDisposable {
  readonly lines = new Lines();
  readonly #root: string;
  readonly #folders: readonly Folder[];
  readonly #nodes: ClusteredActorSystem[] = [];
  #ca: Issued;
  #rotations = 0;
  #sent = 0;
  #stopped = false;
  #load: Promise<void> = Promise.resolve();
  readonly #flowing = Promise.withResolvers<void>();

  private constructor(root: string, ca: Issued) {
    this.#root = root;
    this.#ca = ca;
    this.#folders = ["a", "b"].map((name) => new Folder(root, name));
  }

  static async start(): Promise<RotationScene> {
    const root = await Deno.makeTempDir({ prefix: "casty-rotation-" });
    const scene = new RotationScene(root, await createCa({ commonName: "rotation 0" }));
    for (const folder of scene.#folders) {
      await folder.write("ca.crt", scene.#ca.cert);
      await folder.writePair(
        await issueNode(scene.#ca, { hosts, clusterName, commonName: folder.name }),
      );
      scene.#nodes.push(
        await ClusteredActorSystem.start({
          name: "rotation",
          host: "127.0.0.1",
          port: 0,
          seedNodes: scene.#nodes.map(({ address }) => address),
          requiredQuorum: scene.#nodes.length + 1,
          tls: await folder.load(),
          transport: { handshakeTimeout: patience },
          logger: scene.lines,
        }),
      );
    }
    scene.#load = scene.#run();
    // It is reported by `finish`; until then it must not end the process.
    scene.#load.catch(() => {});
    return scene;
  }

  /** Messages that were told until now. */
  get sent(): number {
    return this.#sent;
  }

  /** Trust both, sign new, drop the old; each step is taken over before the next begins. */
  async rotate(): Promise<void> {
    // Its first message makes the connection. If that took longer than all the steps, the handshake
    // would show a certificate of the authority that was dropped meanwhile, and be refused.
    await Promise.race([this.#flowing.promise, this.#load]);
    const old = this.#ca;
    this.#ca = await createCa({ commonName: `rotation ${++this.#rotations}` });
    await this.#step("caFile", (folder) => folder.write("ca.crt", old.cert + this.#ca.cert));
    await this.#step("certFile", async (folder) => {
      await folder.writePair(
        await issueNode(this.#ca, { hosts, clusterName, commonName: folder.name }),
      );
    });
    await this.#step("caFile", (folder) => folder.write("ca.crt", this.#ca.cert));
    await this.#callIn();
  }

  /** Ends the load; everything that was told must have arrived, in order, over whole links. */
  async finish(): Promise<void> {
    this.#stopped = true;
    await this.#load.catch((cause) => {
      throw new Error(`the load has failed among ${this.lines.all.join("\n")}`, { cause });
    });
    const { received, faults } = await this.#report();
    assertEquals({ received, faults }, { received: this.#sent, faults: 0 });
    for (const node of this.#nodes) {
      assertEquals(node.members.map(({ status }) => status), ["up", "up"]);
    }
    assertEquals(
      this.lines.all.filter((line) => /cannot be used|connection rejected/.test(line)),
      [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#load.catch(() => {});
    for (const node of this.#nodes) await node.shutdown();
    await Deno.remove(this.#root, { recursive: true });
  }

  async #step(option: string, change: (folder: Folder) => Promise<void>): Promise<void> {
    const pattern = new RegExp(`files are in use now .*${option}`);
    const before = this.lines.count(pattern);
    for (const folder of this.#folders) await change(folder);
    await this.lines.seen(pattern, before + this.#folders.length);
  }

  /** A stranger to the connections there are: a new handshake with what is in force now. */
  async #callIn(): Promise<void> {
    const { cert, key } = await issueClient(this.#ca, { name: "caller", clusterName });
    await using client = await ClusterClient.connect({
      contactPoints: [this.#nodes[0]!.address],
      systemName: "rotation",
      tls: await TlsConfig.fromPem({ cert, key, ca: this.#ca.cert }),
      transport: { handshakeTimeout: patience },
      connectTimeout: patience,
    });
    assertEquals(client.contact, this.#nodes[0]!.address);
  }

  async #run(): Promise<void> {
    const [a, b] = this.#nodes;
    let received = 0;
    let faults = 0;
    b!.spawn(
      Behaviors.receive<Message>((_context, message) => {
        if ("replyTo" in message) message.replyTo.tell({ received, faults });
        else if (message.number !== received++) faults++;
        return Behaviors.same();
      }),
      "sink",
    );
    const sink = a!.lookup<Message>("/sink", { node: b!.address });
    while (!this.#stopped) {
      for (let i = 0; i < burst; i++) sink.tell({ number: this.#sent++ });
      await this.#report();
      this.#flowing.resolve();
    }
  }

  async #report(): Promise<Report> {
    const [a, b] = this.#nodes;
    const sink = a!.lookup<Message>("/sink", { node: b!.address });
    return await a!.ask(sink, (replyTo: ActorRef<Report>) => ({ replyTo }), { timeout: patience });
  }
}
