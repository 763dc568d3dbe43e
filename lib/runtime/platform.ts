/**
 * The JavaScript runtime under Casty: the only file of the package that names `Deno`. Node and Bun
 * have separate files beside it.
 *
 * @module
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { bunPlatform } from "./platform_bun.ts";
import { isDebugged, nodePlatform } from "./platform_node.ts";
import type {
  FilePort,
  FolderWatch,
  Platform,
  ProcessPort,
  SystemFault,
  TcpConn,
  TcpPort,
  Thread,
  ThreadEvents,
  ThreadPort,
  TlsPort,
} from "./platform_port.ts";
import type { Resolver } from "./resolver.ts";

/** A permission that `--allow-sys` gives; the types of Deno do not know it. */
const inspecting = { name: "sys", kind: "inspector" } as unknown as Deno.PermissionDescriptor;

const denoProcess: ProcessPort = {
  get args() {
    return Deno.args;
  },
  env: (name) => Deno.env.get(name),
  mayReadEnv: (variable) =>
    Deno.permissions.querySync({ name: "env", ...(variable !== undefined && { variable }) })
      .state === "granted",
  envNames: () => Object.keys(Deno.env.toObject()),
  exit: (code) => Deno.exit(code),
  // Windows has no SIGTERM: Deno throws for a listener of it.
  stopSignals: () => Deno.build.os === "windows" ? ["SIGINT"] : ["SIGTERM", "SIGINT"],
  onSignal(name, listener) {
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  },
  get stdin() {
    return Deno.stdin;
  },
  get stdout() {
    return Deno.stdout;
  },
  get stderr() {
    return Deno.stderr;
  },
  // Without the permission the question would stop a process on a terminal.
  isDebugged: () => Deno.permissions.querySync(inspecting).state === "granted" && isDebugged(),
  permissionRemedies: {
    net: "run Deno with --allow-net for this address; ports below 1024 may need more rights",
    read: "check the path, its permissions and Deno's --allow-read",
  },
};

const denoFiles: FilePort = {
  stat: (path) => Deno.stat(path),
  exists: (path) => Deno.lstat(path).then(() => true, () => false),
  readFile: (path) => Deno.readFile(path),
  readTextFile: (path) => Deno.readTextFile(path),
  writeTextFile: (path, text) => Deno.writeTextFile(path, text),
  async writeNewFile(path, text, mode) {
    using file = await Deno.open(path, { write: true, createNew: true, mode });
    const bytes = new TextEncoder().encode(text);
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written));
    }
    await file.sync();
  },
  open: (path) => Deno.open(path),
  async lock(path) {
    const file = await Deno.open(path);
    try {
      await file.lock(true);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  },
  mkdir: (path, options) => Deno.mkdir(path, options),
  rename: (from, to) => Deno.rename(from, to),
  link: (from, to) => Deno.link(from, to),
  copyFile: (from, to) => Deno.copyFile(from, to),
  remove: (path, options) => Deno.remove(path, options),
  readDir: (path) => Deno.readDir(path),
  makeTempDir: (options) => Deno.makeTempDir(options),
  watch(folders, onChange): FolderWatch {
    const watcher = Deno.watchFs([...folders], { recursive: false });
    const ended = (async () => {
      for await (const { kind } of watcher) if (kind !== "access") onChange();
    })();
    // The watch may be lost; callers that need certainty also poll.
    const closed = ended.catch(() => {});
    let open = true;
    return {
      close() {
        if (open) watcher.close();
        open = false;
        return closed;
      },
    };
  },
};

/** The connections are Deno's own objects, without a layer between a link and its socket. */
const denoTcp: TcpPort = {
  connect: (options) => Deno.connect(options),
  listen: (options) => Promise.try(() => Deno.listen(options)),
  // `node:net` on Deno reports EINVAL for an address of another machine, binds all for an empty
  // host, and throws a missing permission where no caller can catch it. It does report a port that
  // is taken after this check.
  checkBind: (options) => Deno.listen(options).close(),
};

/**
 * The `TLSSocket` that a server has made over a socket, to look at its certificate: Deno has no event
 * that would provide it before a rejected one is destroyed, and keeps it at the handle below.
 */
function socketOver(under: Socket): TLSSocket | undefined {
  const { _handle: handle } = under as { _handle?: unknown };
  if (typeof handle !== "object" || handle === null) return undefined;
  for (const symbol of Object.getOwnPropertySymbols(handle)) {
    const owner = (handle as Record<symbol, unknown>)[symbol];
    if (owner instanceof TLSSocket) return owner;
  }
  return undefined;
}

const denoTls: TlsPort = {
  prepareServer() {},
  accept(server, under, onDone) {
    // Documented in Node's `tls.Server` as the way to serve a stream of other origin.
    server.emit("connection", under);
    const socket = socketOver(under);
    socket?.prependOnceListener("secure", () => onDone(socket));
  },
  // Deno never resumes a session: it keeps them apart for each connection.
  peerChain(socket, limit, suffices) {
    // Much cheaper, but it contains the first two only.
    const leaf = socket.getPeerX509Certificate();
    if (leaf !== undefined) {
      const der = new Uint8Array(leaf.raw);
      if (leaf.issuerCertificate === undefined || suffices(der)) return [der];
    }
    const chain: Uint8Array[] = [];
    let next = socket.getPeerCertificate(true);
    while (next?.raw !== undefined && chain.length <= limit) {
      chain.push(new Uint8Array(next.raw));
      // A root is linked to itself.
      if (next.issuerCertificate === next) break;
      next = next.issuerCertificate;
    }
    return chain;
  },
  // It never sends a certificate. A host name that does not match would look like a refusal.
  startWithoutCertificate: (conn: TcpConn, ca) =>
    Deno.startTls(conn as Deno.TcpConn, {
      caCerts: [ca],
      unsafelyDisableHostnameVerification: true,
    }),
  // For other faults, such as dates, it reports UNABLE_TO_VERIFY_LEAF_SIGNATURE.
  whyUntrusted: (code) =>
    code === "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
      ? "it comes from another authority (it does not chain to any in caFile)"
      : undefined,
  failureOf(error) {
    const { InvalidData, UnexpectedEof, ConnectionReset, ConnectionAborted, BrokenPipe } =
      Deno.errors;
    if (error instanceof InvalidData) {
      if (/invalid peer certificate/.test(error.message)) return "untrustedServer";
      return /received fatal alert/.test(error.message) ? "refused" : undefined;
    }
    // Deno's node:tls cuts the connection; other servers send an alert first.
    const cut = [UnexpectedEof, ConnectionReset, ConnectionAborted, BrokenPipe];
    return cut.some((type) => error instanceof type) ? "refused" : undefined;
  },
};

interface WorkerScope {
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  postMessage(message: unknown): void;
}

const denoThreads: ThreadPort = {
  async start(module, name, events): Promise<Thread> {
    await checkThreadPermission(module);
    return startWorker(module, name, events);
  },
  parent(onMessage) {
    const scope = globalThis as unknown as WorkerScope;
    scope.onmessage = ({ data }) => onMessage(data);
    return { post: (message) => scope.postMessage(message) };
  },
};

function startWorker(module: URL, name: string, { onMessage, onError }: ThreadEvents): Thread {
  const worker = new Worker(module.href, { type: "module", name });
  worker.onmessage = ({ data }) => onMessage(data);
  worker.onerror = (event) => {
    // Otherwise the whole process would end.
    event.preventDefault();
    onError(event.message);
  };
  return {
    post: (message) => worker.postMessage(message),
    terminate: () => worker.terminate(),
  };
}

/** Without this, a process on a terminal would stop and ask. */
async function checkThreadPermission(module: URL): Promise<void> {
  const permission: Deno.PermissionDescriptor = module.protocol === "file:"
    ? { name: "read", path: module }
    : { name: "import", host: module.host };
  const { state } = await Deno.permissions.query(permission);
  if (state === "granted") return;
  throw new Error(`the permission ${permission.name} for ${module.href} is ${state}`);
}

const denoResolver: Resolver = {
  async resolve(name, type) {
    if (type === "SRV") {
      const records = await Deno.resolveDns(name, "SRV");
      return records.map(({ target, port }) => ({ host: target.replace(/\.$/, ""), port }));
    }
    return (await Deno.resolveDns(name, type)).map((host) => ({ host }));
  },
};

function denoFaultOf(error: unknown): SystemFault | undefined {
  const { errors } = Deno;
  if (error instanceof errors.NotFound) return "notFound";
  if (error instanceof errors.AlreadyExists) return "alreadyExists";
  if (error instanceof errors.NotCapable) return "notPermitted";
  if (error instanceof errors.PermissionDenied) return "notPermitted";
  if (error instanceof errors.BrokenPipe) return "brokenPipe";
  if (error instanceof errors.ConnectionRefused) return "connectionRefused";
  if (error instanceof errors.AddrInUse) return "addressInUse";
  if (error instanceof errors.AddrNotAvailable) return "addressNotAvailable";
  return undefined;
}

const denoPlatform: Platform = {
  name: "deno",
  process: denoProcess,
  files: denoFiles,
  tcp: denoTcp,
  tls: denoTls,
  threads: denoThreads,
  resolver: denoResolver,
  // Deno pings a silent peer, and closes the socket of one that does not answer.
  upgradeWebSocket: (request, protocol) =>
    Deno.upgradeWebSocket(request, { ...(protocol && { protocol }), idleTimeout: 30 }),
  faultOf: denoFaultOf,
};

/** The runtime that this process runs on. Bun and Deno imitate Node, so they come first. */
export const platform: Platform = "Deno" in globalThis
  ? denoPlatform
  : "Bun" in globalThis
  ? bunPlatform
  : nodePlatform;
