import { assert, assertEquals } from "@std/assert";
import { createCa, issueClient, issueNode } from "../../cert.ts";
import { missing, PostgresServer } from "../persistence/postgres_server.ts";

const root = new URL("../../", import.meta.url);

function start(args: readonly string[], env: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function outcome(child: Deno.ChildProcess): Promise<string> {
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  return text;
}

/** The command of a service of the compose file, for this machine. */
async function commandOf(service: string, replace: Record<string, string>): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("compose.orders.yaml", root));
  const part = text.split(`\n  ${service}:\n`)[1]!.split(/\n\n|\n {2}\w/)[0]!;
  const [, ...args] = [...part.split("command:\n")[1]!.matchAll(/^ {6}- (.+)$/gm)].map(([, a]) =>
    a!
  );
  assert(args.length > 5, part);
  return args.map((arg) =>
    Object.entries(replace).reduce((arg, [from, to]) => arg.replace(from, to), arg)
  );
}

Deno.test({
  name: `orders in PostgreSQL${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  ignore: missing !== undefined,
  async fn(t) {
    await using server = await PostgresServer.create();
    const folder = await Deno.makeTempDir();

    await t.step("one of five nodes is killed: what was confirmed is stored", async () => {
      for (const before of [0, 200]) {
        const args = ["run", "-A", "examples/orders_postgres.ts", `--database=${server.url}`];
        assertEquals(
          (await outcome(start(args, { TMPDIR: folder }))).replace(/^(?!client).*\n/gm, ""),
          `client | ${before} paid orders are stored\nclient | a node was killed\n` +
            "client | 200 payments were confirmed, and are stored\n",
        );
      }
    });

    await t.step("the commands of the containers need no more permissions", async () => {
      const ca = await createCa();
      await Deno.writeTextFile(`${folder}/ca.crt`, ca.cert);
      const node = await issueNode(ca, { hosts: ["127.0.0.1"] });
      const client = await issueClient(ca, { name: "demo" });
      for (const [name, pair] of Object.entries({ node, client })) {
        await Deno.writeTextFile(`${folder}/${name}.crt`, pair.cert);
        await Deno.writeTextFile(`${folder}/${name}.key`, pair.key, { mode: 0o600 });
      }
      const port = freePort();
      const here = {
        "/certs": folder,
        "/app/lib": "lib",
        "node-1:25520": `127.0.0.1:${port}`,
        "--port=25520": `--port=${port}`,
        "--host=node-1": "--host=127.0.0.1",
        "0.0.0.0": "127.0.0.1",
      };
      const running = start(await commandOf("node-1", here), { DATABASE_URL: server.url });
      const text = await outcome(start(await commandOf("orders", here), {}));
      assert(text.includes("client | 200 payments were confirmed, and are stored"), text);
      running.kill("SIGTERM");
      await outcome(running);
      await Promise.all(
        ["ca.crt", "node.crt", "node.key", "client.crt", "client.key"].map((file) =>
          Deno.remove(`${folder}/${file}`)
        ),
      );
    });

    // It removes what it made; this fails on a folder that is not empty.
    await Deno.remove(folder);
  },
});

Deno.test("without a database the example says what is needed", async () => {
  const child = start(["run", "-A", "examples/orders_postgres.ts"], { DATABASE_URL: "" });
  const { code, stderr } = await child.output();
  assertEquals(code, 2);
  assert(new TextDecoder().decode(stderr).startsWith("--database or the variable"));
});

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
