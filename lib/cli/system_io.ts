import process from "node:process";
import { systemIo as certIo } from "../cert/cli/terminal.ts";
import { platform } from "../runtime/platform.ts";
import type { CliIo } from "./cli_io.ts";
import { loadModules } from "./module_loader.ts";

/** The process, its files and its modules. */
export const systemIo: CliIo = {
  folder: () => process.cwd(),
  async readFile(path) {
    if (!await platform.files.exists(path)) return undefined;
    return await platform.files.readTextFile(path);
  },
  writeFile: (path, text) => platform.files.writeTextFile(path, text),
  input: certIo.input,
  loadModules,
};
