/**
 * Two processes over mutual TLS on loopback: Casty compared with a bare loop (encode, frame, batch,
 * TLS, parse, decode, call) with the same codec, and with a raw framed `node:tls` socket, in the
 * same run.
 *
 *     deno run -A bench/remote.ts --help
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createCa, issueNode } from "@casty/casty/cert";
import type { TlsMaterial } from "../lib/runtime/network.ts";
import { type Figure, figures, type Value } from "./remote/figures.ts";
import { Subjects } from "./remote/subjects.ts";
import { markdown } from "./remote/table.ts";
import { machine } from "./report.ts";

const usage = `Usage: deno run -A bench/remote.ts [options]

  --rounds N        runs of each figure, 1 to 99; default 5
  --markdown        print only the table
  --figures a,b     only these: ${figures.map(({ key }) => key).join(", ")}
`;

interface Options {
  readonly rounds: number;
  readonly markdown: boolean;
  readonly figures: readonly Figure[];
}

if (import.meta.main) {
  const options = read(Deno.args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${usage}`);
    Deno.exit(2);
  }
  const values = await measure(options);
  if (!options.markdown) {
    console.log(`\n## Two processes, mutual TLS, loopback\n\n${machine()}`);
    console.log(`median / best of ${options.rounds}\n`);
  }
  console.log(markdown(values));
}

async function measure(options: Options): Promise<Value[]> {
  const values: Value[] = [];
  await using subjects = new Subjects(await makeTls());
  // Interleaved, so that load of the machine affects all alike.
  for (let round = 0; round < options.rounds; round++) {
    for (const { measure } of options.figures) values.push(...await measure(subjects));
    await subjects.disconnect();
  }
  return values;
}

async function makeTls(): Promise<TlsMaterial> {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
  return { cert, key, ca: ca.cert };
}

/** The options, or a text that describes the first wrong one. */
function read(args: readonly string[]): Options | string {
  const given = parseArgs([...args], {
    string: ["rounds", "figures"],
    boolean: ["markdown", "help"],
  });
  if (given["help"]) {
    console.log(usage);
    Deno.exit(0);
  }
  const rounds = Number(given["rounds"] ?? 5);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 99) {
    return `--rounds is ${given["rounds"]}, not a whole number from 1 to 99`;
  }
  const keys = (given["figures"] as string | undefined)?.split(",");
  const unknown = keys?.find((key) => !figures.some((figure) => figure.key === key));
  if (unknown !== undefined) return `there is no figure "${unknown}"`;
  const chosen = figures.filter(({ key }) => keys?.includes(key) ?? true);
  return { rounds, markdown: given["markdown"] === true, figures: chosen };
}
