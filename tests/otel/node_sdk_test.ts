/** The SDK of OpenTelemetry on Node. */
import { assert, assertEquals } from "@std/assert";
import { writeNpmPackage } from "../../scripts/npm_package.ts";
import { installed } from "../e2e/runtimes/runtimes.ts";

interface Recorded {
  readonly spans: readonly {
    readonly name: string;
    readonly traceId: string;
    readonly spanId: string;
    readonly parentSpanId?: string;
  }[];
  readonly metrics: readonly string[];
}

const checkout = new URL("../../", import.meta.url).pathname;
const node = installed.find(({ name }) => name === "node");

/** This checkout as an npm package that has the SDK as well. */
async function install(folder: string): Promise<void> {
  await writeNpmPackage(folder);
  const { imports }: { imports: Record<string, string> } = JSON.parse(
    await Deno.readTextFile(`${checkout}deno.json`),
  );
  const file = `${folder}/package.json`;
  const manifest = JSON.parse(await Deno.readTextFile(file));
  for (const [name, specifier] of Object.entries(imports)) {
    if (!name.startsWith("@opentelemetry/")) continue;
    manifest.dependencies[name] = specifier.slice(`npm:${name}@`.length);
  }
  await Deno.writeTextFile(file, JSON.stringify(manifest));
  await Deno.mkdir(`${folder}/tests`);
  await Deno.copyFile(`${checkout}tests/otel/sdk_child.ts`, `${folder}/tests/sdk_child.ts`);
  const installing = new Deno.Command(Deno.execPath(), { args: ["install"], cwd: folder });
  const { success, stderr } = await installing.output();
  assert(success, new TextDecoder().decode(stderr));
}

async function record(folder: string, isSampled: boolean): Promise<Recorded> {
  const [path, ...before] = node!.command;
  const { code, stdout, stderr } = await new Deno.Command(path!, {
    args: [...before, `${folder}/tests/sdk_child.ts`, String(isSampled)],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test({
  name: node === undefined
    ? "an SDK on Node (skipped: no Node of version 24 or newer; set CASTY_NODE)"
    : "an SDK on Node gets asks, entities, journals and spans of the program as one tree",
  ignore: node === undefined,
}, async (test) => {
  const folder = await Deno.makeTempDir({ prefix: "casty-otel-" });
  try {
    await install(folder);
    await test.step("a trace that is sampled", async () => {
      const { spans, metrics } = await record(folder, true);
      const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
      assertEquals(roots.map(({ name }) => name), ["program", "program"]);
      for (const root of roots) {
        const tree = spans.filter(({ traceId }) => traceId === root.traceId);
        const below = (id: string): unknown[] =>
          tree.filter(({ parentSpanId }) => parentSpanId === id)
            .map(({ name, spanId }) => [name, ...below(spanId)]);
        const [ask, ...others] = below(root.spanId) as [string, unknown][];
        assertEquals(others, []);
        assert(ask![0].startsWith("ask "), ask![0]);
        assertEquals(ask![1], [
          "handle /_region-accounts",
          ["own span after an await"],
          ["append"],
        ]);
        assertEquals(tree.length, 5);
      }
      for (const name of ["casty.actor.handler.duration", "casty.remoting.bytes"]) {
        assert(metrics.includes(name), metrics.join());
      }
    });
    await test.step("one that is not has no spans", async () => {
      assertEquals((await record(folder, false)).spans, []);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
