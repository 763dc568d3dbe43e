import { assert, assertEquals } from "@std/assert";
import * as casty from "../../mod.ts";
import * as client from "../../client.ts";
import * as persistence from "../../lib/persistence/mod.ts";
import * as postgres from "../../postgres.ts";
import * as delivery from "../../lib/delivery/mod.ts";
import * as streams from "../../lib/streams/mod.ts";
import * as testkit from "../../lib/testkit/mod.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
const page = read("docs/pekko.md");

/** The code of the column with our names: `Behaviors.receive`, `the option role`, ... */
function ownNames(): { readonly kind: string; readonly name: string }[] {
  const [before] = page.split("## Not there yet");
  const cells = [...before!.matchAll(/^\| [^|]+\| ([^|]+)\|[^|]*\|$/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => {
    const kind = /\b(option|event|signal)s? /.exec(cell)?.[1] ?? "name";
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => ({
      kind: name === "spawn" ? "skipped" : kind,
      name: name!,
    }));
  });
}

/** Whether a path such as `system.cluster.state` leads to something. */
function leads(scope: Readonly<Record<string, unknown>>, path: string): boolean {
  let at: unknown = scope;
  for (const part of path.split(".")) {
    if (at === null || at === undefined || !(part in Object(at))) return false;
    at = (at as Record<string, unknown>)[part];
  }
  return at !== undefined;
}

Deno.test("docs/pekko.md names what exists", async () => {
  const cluster = new SimulatedCluster(1);
  const [system] = await cluster.start(1);
  const told = Promise.withResolvers<unknown>();
  system!.spawn(
    Behaviors.setup<never>((context) => {
      told.resolve(context);
      return Behaviors.ignore();
    }),
    "context",
  );
  const context = await cluster.clock.resolve(told.promise);
  await using kit = testkit.ActorTestKit.create();
  const exported = {
    ...client,
    ...casty,
    ...persistence,
    ...postgres,
    ...streams,
    ...delivery,
    ...testkit,
  };
  const scope = { ...exported, system, context, kit };
  const options = read("docs/options.md");
  const sources = ["behavior/signal", "ref/terminated", "services/event_stream"]
    .map((file) => read(`lib/actor/${file}.ts`)).join() +
    read("lib/cluster_event.ts") +
    read("lib/actor/services/dead_letter.ts");
  const isKnown = ({ kind, name }: { kind: string; name: string }) => {
    if (kind === "skipped" || leads(scope, name)) return true;
    if (kind === "option") return options.includes(`\`${name}\``);
    return kind !== "name" && sources.includes(`type: "${name}"`);
  };
  const names = ownNames();
  assert(names.length > 80, `only ${names.length} names were found`);
  assertEquals(names.filter((each) => !isKnown(each)), []);
  await cluster.stop([system!]);
});
