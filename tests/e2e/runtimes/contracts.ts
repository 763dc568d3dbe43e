/** Writes the contracts of a module and checks them; prints the exit codes and the file. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { runCli } from "@casty/casty/cli";

const folder = await mkdtemp(`${tmpdir()}/casty-contracts-`);
const file = `${folder}/contracts.json`;
const module = fileURLToPath(new URL("contracts_accounts.ts", import.meta.url));
const run = async (...args: readonly string[]) => {
  const { exitCode, stderr } = await runCli(["contracts", module, "--file", file, ...args]);
  return [exitCode, stderr];
};
const written = await run();
const contracts = JSON.parse(await readFile(file, "utf8"));
const same = await run("--check");
await writeFile(file, JSON.stringify(contracts).replaceAll("Date", "string"));
const changed = await run("--check");
console.log(JSON.stringify({ written, same, changed, contracts }));
await rm(folder, { recursive: true });
