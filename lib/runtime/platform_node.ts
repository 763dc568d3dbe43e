import dns from "node:dns/promises";
import { watch, writeSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as inspector from "node:inspector";
import { tmpdir } from "node:os";
import process from "node:process";
import { parentPort, Worker } from "node:worker_threads";
import { CastyError } from "./casty_error.ts";
import type {
  ByteSink,
  FileFacts,
  FilePort,
  FolderWatch,
  OpenFile,
  Platform,
  ProcessPort,
  SystemFault,
  TerminalInput,
  Thread,
  ThreadPort,
} from "./platform_port.ts";
import { nodeTcp } from "./platform_node_tcp.ts";
import { nodeTls } from "./platform_node_tls.ts";
import type { Resolver } from "./resolver.ts";

const isWindows = () => process.platform === "win32";

const nodeProcess: ProcessPort = {
  get args() {
    return process.argv.slice(2);
  },
  env: (name) => process.env[name],
  mayReadEnv: () => true,
  envNames: () => Object.keys(process.env),
  exit: (code) => process.exit(code),
  // Windows has no SIGTERM: a listener for it would never be called.
  stopSignals: () => isWindows() ? ["SIGINT"] : ["SIGTERM", "SIGINT"],
  onSignal(name, listener) {
    process.on(name, listener);
    return () => void process.off(name, listener);
  },
  get stdin() {
    return input ??= standardInput();
  },
  get stdout() {
    return sinkOf(process.stdout);
  },
  get stderr() {
    return { ...sinkOf(process.stderr), writeSync: (bytes: Uint8Array) => writeSync(2, bytes) };
  },
  isDebugged,
  permissionRemedies: {
    net: "ports below 1024 may need more rights",
    read: "check the path and its permissions",
  },
};

/** Deno uses it, too. */
export function isDebugged(): boolean {
  try {
    return inspector.url?.() !== undefined;
  } catch {
    return false; // Where `node:inspector` is only partly there.
  }
}

/** Kept: bytes that were read and not consumed belong to the next reader. */
let input: TerminalInput | undefined;

function standardInput(): TerminalInput {
  const { stdin } = process;
  const chunks = stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let rest: Uint8Array = new Uint8Array(0);
  return {
    isTerminal: () => stdin.isTTY === true,
    setRaw: (raw) => void stdin.setRawMode(raw),
    async read(buffer) {
      while (rest.length === 0) {
        const { done, value } = await chunks.next();
        if (done) return null;
        rest = value;
      }
      const taken = rest.subarray(0, buffer.length);
      buffer.set(taken);
      rest = rest.subarray(taken.length);
      return taken.length;
    },
  };
}

function sinkOf(stream: NodeJS.WriteStream): ByteSink {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        // Without a listener the error would end the process.
        stream.once("error", reject);
        stream.write(bytes, (error) => {
          if (error) return reject(error);
          stream.off("error", reject);
          resolve(bytes.length);
        });
      }),
  };
}

async function factsOf(path: string): Promise<FileFacts> {
  const stat = await fs.stat(path);
  return {
    isFile: stat.isFile(),
    isDirectory: stat.isDirectory(),
    size: stat.size,
    mode: isWindows() ? null : stat.mode,
  };
}

async function openFile(path: string): Promise<OpenFile> {
  const handle = await fs.open(path);
  return {
    async read(buffer) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      return bytesRead === 0 && buffer.length > 0 ? null : bytesRead;
    },
    [Symbol.dispose]: () => void handle.close().catch(() => {}),
  };
}

function watchFolders(folders: readonly string[], onChange: () => void): FolderWatch {
  const watchers = folders.map((folder) => {
    const watcher = watch(folder, () => onChange());
    // The watch is lost; callers that need certainty also poll.
    watcher.on("error", () => {});
    return watcher;
  });
  return {
    close() {
      for (const watcher of watchers) watcher.close();
      return Promise.resolve();
    },
  };
}

async function* entriesOf(path: string) {
  for await (const entry of await fs.opendir(path)) {
    yield { name: entry.name, isDirectory: entry.isDirectory() };
  }
}

const nodeFiles: FilePort = {
  stat: factsOf,
  exists: (path) => fs.lstat(path).then(() => true, () => false),
  readFile: async (path) => new Uint8Array(await fs.readFile(path)),
  readTextFile: (path) => fs.readFile(path, "utf8"),
  writeTextFile: (path, text) => fs.writeFile(path, text),
  writeNewFile: (path, text, mode) => fs.writeFile(path, text, { flag: "wx", mode, flush: true }),
  open: openFile,
  lock: (path) =>
    Promise.reject(
      new CastyError("noFileLocks", `${path} cannot be locked: this runtime has no file locks`, {
        value: path,
        remedy: "run this command on Deno",
      }),
    ),
  mkdir: async (path, options) => void await fs.mkdir(path, options),
  rename: (from, to) => fs.rename(from, to),
  link: (from, to) => fs.link(from, to),
  copyFile: (from, to) => fs.copyFile(from, to),
  async remove(path, { recursive = false } = {}) {
    if (recursive) return await fs.rm(path, { recursive });
    const isFolder = (await fs.lstat(path)).isDirectory();
    await (isFolder ? fs.rmdir(path) : fs.unlink(path));
  },
  readDir: entriesOf,
  makeTempDir: ({ prefix }) => fs.mkdtemp(`${tmpdir()}/${prefix}`),
  watch: watchFolders,
};

const nodeThreads: ThreadPort = {
  start(module, name, { onMessage, onError }): Promise<Thread> {
    const worker = new Worker(module, { name });
    let ending = false;
    worker.on("message", onMessage);
    worker.on("error", (error) => onError(error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => ending || onError(`it ended with code ${code}`));
    return Promise.resolve({
      post: (message) => worker.postMessage(message),
      terminate() {
        ending = true;
        void worker.terminate();
      },
    });
  },
  parent(onMessage) {
    parentPort!.on("message", onMessage);
    return { post: (message) => parentPort!.postMessage(message) };
  },
};

/** `dns.setServers` replaces the functions of the module: they are looked up at each call. */
const nodeResolver: Resolver = {
  async resolve(name, type) {
    if (type === "SRV") {
      const records = await dns.resolveSrv(name);
      return records.map(({ name, port }) => ({ host: name.replace(/\.$/, ""), port }));
    }
    const hosts = await (type === "A" ? dns.resolve4(name) : dns.resolve6(name));
    return hosts.map((host) => ({ host }));
  },
};

const faults: Readonly<Record<string, SystemFault>> = {
  ENOENT: "notFound",
  EEXIST: "alreadyExists",
  EACCES: "notPermitted",
  EPERM: "notPermitted",
  EPIPE: "brokenPipe",
  ECONNREFUSED: "connectionRefused",
  EADDRINUSE: "addressInUse",
  EADDRNOTAVAIL: "addressNotAvailable",
};

/** Node 24 and newer. */
export const nodePlatform: Platform = {
  name: "node",
  process: nodeProcess,
  files: nodeFiles,
  tcp: nodeTcp,
  tls: nodeTls,
  threads: nodeThreads,
  resolver: nodeResolver,
  faultOf(error) {
    const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
    return typeof code === "string" ? faults[code] : undefined;
  },
};
