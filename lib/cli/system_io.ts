import process from "node:process";
import { systemIo as certIo } from "../cert/cli/terminal.ts";
import { platform } from "../runtime/platform.ts";
import { systemConfigSource } from "../runtime/system_config_source.ts";
import { systemClock } from "../runtime/system_clock.ts";
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
  config: systemConfigSource,
  clock: systemClock,
  get live() {
    return process.stdout.isTTY ? show : undefined;
  },
  get confirm() {
    return platform.process.stdin.isTerminal() ? confirm : undefined;
  },
  async loadTls(files) {
    const { TlsConfig } = await import("../transport/tls/tls_config.ts");
    return await TlsConfig.fromPaths(files);
  },
  loadModules,
};

/** A line that begins with y is a yes. */
async function confirm(question: string): Promise<boolean> {
  platform.process.stderr.writeSync(new TextEncoder().encode(question));
  const buffer = new Uint8Array(256);
  const count = await platform.process.stdin.read(buffer);
  return /^\s*y/i.test(new TextDecoder().decode(buffer.subarray(0, count ?? 0)));
}

/** Clears the screen first. */
async function show(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(`\x1b[H\x1b[2J${text}`);
  for (let at = 0; at < bytes.length;) {
    at += await platform.process.stdout.write(bytes.subarray(at));
  }
}
