import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

async function deno(cwd: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Copies exactly the files that would be published. */
async function pack(target: string): Promise<string[]> {
  const { code, text } = await deno(root, "publish", "--dry-run", "--allow-dirty");
  assertEquals(code, 0, text);
  const files = [...text.matchAll(/file:\/\/(\S+) \(/g)].map(([, file]) => file!);
  for (const file of files) {
    const copy = target + file.slice(root.length - 1);
    await Deno.mkdir(copy.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(file, copy);
  }
  return files.map((file) => file.slice(root.length));
}

const service = `
import { ActorSystem, type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { createCa } from "@casty/casty/cert";
import { ManualClock } from "@casty/casty/testkit";

type Greet = { name: string; replyTo: ActorRef<string> };
const greeter = Behaviors.receive<Greet>((_ctx, { name, replyTo }) => {
  replyTo.tell("hello " + name);
  return Behaviors.same();
});

await using local = new ActorSystem({ name: "local" });
const ref = local.spawn(greeter, "greeter");
console.log(await local.ask(ref, (replyTo: ActorRef<string>) => ({ name: "local", replyTo })));

await using node = await ClusteredActorSystem.start({ name: "svc", host: "127.0.0.1", port: 0 });
const remote = node.spawn(greeter, "greeter");
console.log(await node.ask(remote, (replyTo: ActorRef<string>) => ({ name: "node", replyTo })));
console.log(typeof ClusterClient.connect, typeof createCa, typeof ManualClock);
`;

Deno.test("a service in another folder uses the packed package", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = await pack(`${folder}/package`);
    assert(files.includes("mod.ts") && files.includes("LICENSE"), files.join("\n"));
    assert(!files.some((file) => /^(tests|bench|examples)\//.test(file)), files.join("\n"));
    await Deno.mkdir(`${folder}/service`);
    await Deno.writeTextFile(
      `${folder}/service/deno.json`,
      JSON.stringify({
        imports: { "@casty/casty": "jsr:@casty/casty@^0.1.0" },
        // Stand in for JSR: the packed package, and its @std dependencies.
        links: ["", "/lib/offline/assert", "/lib/offline/cli", "/lib/offline/crypto"]
          .map((path) => `../package${path}`),
      }),
    );
    await Deno.writeTextFile(`${folder}/service/main.ts`, service);
    const check = await deno(`${folder}/service`, "check", "main.ts");
    assertEquals(check.code, 0, check.text);
    const run = await deno(`${folder}/service`, "run", "-A", "main.ts");
    assertEquals(run.code, 0, run.text);
    assert(run.text.includes("hello local\nhello node\nfunction function function"), run.text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
