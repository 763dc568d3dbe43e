/** Small programs that declare contracts, read by one program of TypeScript. */
import ts from "typescript";
import type { Contracts } from "../../lib/contracts/contract.ts";
import { type ReadContracts, readContracts } from "../../lib/contracts/contract_reader.ts";
import type { FoundModule } from "../../lib/contracts/module_graph.ts";
import { loadProgram } from "../../lib/contracts/program.ts";

const checkout = new URL("../../", import.meta.url);

/** The entries of this checkout, as `deno.json` names them. */
const entries: Readonly<Record<string, string>> =
  JSON.parse(Deno.readTextFileSync(new URL("deno.json", checkout))).exports;

/** Finds the entries of this checkout. */
export function resolveCasty(specifier: string): FoundModule | undefined {
  const entry = entries[specifier.replace(/^@casty\/casty/, ".")];
  return entry === undefined ? undefined : { path: new URL(entry, checkout).pathname };
}

/** What the modules of tests import. */
export const imports = `
import { type ActorRef, Behaviors, entityType, serializer, ServiceKey, Topic } from "@casty/casty";
import {
  durableState, eventSourced, type Journal, persistenceId
} from "@casty/casty/persistence";
declare const journal: Journal;
`;

/** A type of entities. */
export const messages = (type: string, rest = "") =>
  `${rest}\nexport const Counters = entityType<${type}>("counters", { numShards: 20 });`;

/** An event-sourced actor. */
export function events(event: string, options = "", rest = "", state = "{ balance: number }") {
  return `${rest}
type Event = ${event};
type State = ${state};
export const account = (name: string) =>
  eventSourced<"get", Event, State>({
    id: persistenceId("account", name),
    journal,
    initial: {} as State,
    onCommand: (_context, _state, _command, effect) => effect.none(),
    onEvent: (state) => state,
    ${options}
  });`;
}

/** An actor of durable state. */
export const states = (state: string, options = "") => `
export const settings = (name: string) =>
  durableState<"get", ${state}>({
    id: persistenceId("settings", name),
    journal,
    initial: {} as ${state},
    onMessage: (_context, _state, _message, effect) => effect.none(),
    ${options}
  });`;

/** Reads the contracts of modules; all of them share one program. */
export async function contractsOf(
  modules: Readonly<Record<string, string>>,
): Promise<(name: string) => ReadContracts> {
  const folder = await Deno.makeTempDir({ prefix: "casty-contracts-" });
  try {
    const paths = new Map<string, string>();
    for (const [name, text] of Object.entries(modules)) {
      const path = `${folder}/${paths.size}.ts`;
      paths.set(name, path);
      await Deno.writeTextFile(path, imports + text);
    }
    const loaded = loadProgram(ts, [...paths.values()], { resolve: resolveCasty });
    if (loaded.problems.length > 0) throw new Error(JSON.stringify(loaded.problems));
    // Read while the files are there.
    const all = new Map(
      [...paths].map(([name, path]) => [
        name,
        readContracts(ts, loaded.program, ({ fileName }) => fileName === path),
      ]),
    );
    return (name) => all.get(name)!;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The contracts of a module that has no problems. */
export function sound({ problems, notes, ...contracts }: ReadContracts): Contracts {
  if (problems.length + notes.length > 0) throw new Error(JSON.stringify([problems, notes]));
  return contracts;
}
