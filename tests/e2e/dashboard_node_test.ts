/** The sixth container of compose.yaml as a process: a member that shows the dashboard. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import { Behaviors, ClusteredActorSystem, silentLogger } from "@casty/casty";
import { testCa } from "@casty/casty/cert";

const root = new URL("../../", import.meta.url);

Deno.test("the dashboard of compose.yaml joins with its file and its permissions, and is served", async () => {
  const { services, configs } = parse(
    await Deno.readTextFile(new URL("compose.yaml", root)),
    { merge: true },
  );
  const ca = await testCa();
  await using certificates = await (await ca.issueNode()).files();
  const { directory } = certificates;
  await using node = await ClusteredActorSystem.start({
    name: "counter-cluster",
    host: "127.0.0.1",
    port: 0,
    tls: (await ca.issueNode()).tls,
    logger: silentLogger,
  });
  node.spawn(Behaviors.sharded(() => Behaviors.ignore(), { numShards: 4 }), "counters");
  const file = `${directory}/casty.toml`;
  await Deno.writeTextFile(
    file,
    configs.dashboard.content
      .replace(/^(host|bindHost) = .*$/gm, '$1 = "127.0.0.1"')
      .replace("port = 25520", "port = 0")
      .replace('"node-1:25520"', JSON.stringify(node.address))
      .replaceAll("/certs", directory),
  );
  const [deno, ...args] = (services.dashboard.command as string[]).map((argument) =>
    argument.replaceAll("/etc/casty/casty.toml", file)
      .replaceAll("/certs", directory)
      .replaceAll("/app/lib", new URL("lib", root).pathname)
      .replace("--port=25580", "--port=0")
  );
  assertEquals(deno, "deno");
  const process = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(process.stderr).text();
  let output = "";
  let url: string | undefined;
  for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    if (url !== undefined) continue;
    url = /^DASHBOARD (\S+)\n/m.exec(output)?.[1];
    if (url === undefined) continue;
    const login = await fetch(url);
    assertEquals(login.status, 200);
    await login.body!.cancel();
    const refused = await fetch(new URL("/", url));
    assertEquals(refused.status, 401);
    await refused.body!.cancel();
    assertEquals(node.members.map(({ nodeId }) => nodeId).at(-1), "dashboard");
    process.kill("SIGTERM");
  }
  const { code } = await process.status;
  assert(url !== undefined, await errors);
  assertEquals(code, 0, await errors);
});

Deno.test("a dashboard whose port is taken leaves the cluster before its process ends", async () => {
  await using node = await ClusteredActorSystem.start({
    name: "shown",
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
  });
  const first = Promise.withResolvers<string>();
  for (const type of ["memberLeft", "memberDowned", "unreachableMember"] as const) {
    node.eventStream.subscribe(type, () => first.resolve(type));
  }
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/casty.toml`,
    `[cluster]
name = "shown"
host = "127.0.0.1"
port = 0
seedNodes = ["${node.address}"]
requiredQuorum = 2
`,
  );
  const script = new URL("examples/dashboard_node.ts", root).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, `${folder}/casty.toml`, `--port=${taken.addr.port}`],
    env: { NO_COLOR: "1" },
  }).output();
  const errors = new TextDecoder().decode(stderr);
  await Deno.remove(folder, { recursive: true });
  assertEquals(code, 1, errors);
  assert(errors.includes("(addressInUse)"), errors);
  assertEquals(await first.promise, "memberLeft");
});
