/**
 * Functions of the JavaScript runtime that Casty needs beyond the web platform and the `node:`
 * modules that behave alike on Deno, Node and Bun. `platform.ts` picks the implementation.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import type { Resolver } from "./resolver.ts";
import type { StopSignal } from "./stop_signals.ts";

/** A runtime that Casty runs on. */
export interface Platform {
  /** Its name. */
  readonly name: "deno" | "node" | "bun";
  readonly process: ProcessPort;
  readonly files: FilePort;
  readonly tcp: TcpPort;
  readonly tls: TlsPort;
  readonly threads: ThreadPort;
  readonly resolver: Resolver;
  /** Makes a WebSocket of a request of the platform's HTTP server; absent where it has no such server. */
  readonly upgradeWebSocket?: UpgradeWebSocket;
  /** The kind of a failure of the system; undefined: none of these. */
  faultOf(error: unknown): SystemFault | undefined;
}

/**
 * Makes a WebSocket of a request: the response is the answer to it.
 *
 * @param protocol the subprotocol that is accepted; undefined: none.
 * @param maxLength UTF-16 code units of the longest message that the gateway takes. A server that can,
 * refuses longer ones before they have come.
 */
export type UpgradeWebSocket = (
  request: Request,
  protocol: string | undefined,
  maxLength: number,
) => { readonly socket: WebSocket; readonly response: Response };

/** Kinds of failure, named alike on every platform. */
export type SystemFault =
  | "notFound"
  | "alreadyExists"
  | "notPermitted"
  | "brokenPipe"
  | "connectionRefused"
  | "addressInUse"
  | "addressNotAvailable";

/** The process: its arguments, environment, signals and standard streams. */
export interface ProcessPort {
  /** Arguments of the program, without runtime and script. */
  readonly args: readonly string[];
  env(name: string): string | undefined;
  /** Whether a variable, or all of them, may be read, without asking anybody. */
  mayReadEnv(name?: string): boolean;
  /** Names of all variables. Only if all may be read. */
  envNames(): readonly string[];
  /** Ends the process at once. `code`: 0 to 255. */
  exit(code: number): never;
  /** The stop signals that the system knows. */
  stopSignals(): readonly StopSignal[];
  /**
   * Calls back for each signal, which then no longer ends the process. Returns a function that
   * removes the listener.
   */
  onSignal(name: StopSignal, listener: () => void): () => void;
  readonly stdin: TerminalInput;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink & { writeSync(bytes: Uint8Array): number };
  /** Whether an inspector is open, through which a debugger may stop the process. */
  isDebugged(): boolean;
  /** Remedies for a missing permission: completes "connecting failed; ...". */
  readonly permissionRemedies: { readonly net: string; readonly read: string };
}

/** Standard input. */
export interface TerminalInput extends ByteSource {
  isTerminal(): boolean;
  /** Raw: keys arrive one by one and are not shown. */
  setRaw(raw: boolean): void;
}

/** Bytes to read. */
export interface ByteSource {
  /** Fills a part of `buffer` and resolves with its length; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Takes bytes. */
export interface ByteSink {
  /** Resolves with how many of `bytes` were taken. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Files of the certificate tool, of TLS and of failed simulations. Nodes store through `Runtime`. */
export interface FilePort {
  /** Follows links. */
  stat(path: string): Promise<FileFacts>;
  /** Whether there is a file, folder or link. Never rejects. */
  exists(path: string): Promise<boolean>;
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  readTextFile(path: string): Promise<string>;
  /** Replaces the file. */
  writeTextFile(path: string, text: string): Promise<void>;
  /** Writes a file that must not exist, and flushes it to the disk. */
  writeNewFile(path: string, text: string, mode: number): Promise<void>;
  open(path: string): Promise<OpenFile>;
  /**
   * Takes the exclusive lock of a file or folder, and waits for it. It ends with the disposal, or
   * with the process.
   *
   * @throws {Error} where the platform has no locks.
   */
  lock(path: string): Promise<Disposable>;
  /** Creates a folder, and its parents with `recursive`. */
  mkdir(path: string, options?: { recursive?: boolean; mode?: number }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Creates a hard link; `to` must not exist. */
  link(from: string, to: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  remove(path: string, options?: { recursive?: boolean }): Promise<void>;
  readDir(path: string): AsyncIterable<{ readonly name: string; readonly isDirectory: boolean }>;
  makeTempDir(options: { prefix: string }): Promise<string>;
  /** Calls back when something in the folders may have changed, except for reads. */
  watch(folders: readonly string[], onChange: () => void): FolderWatch;
}

/** Facts about a file or folder. */
export interface FileFacts {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  /** Bytes. */
  readonly size: number;
  /** Permission bits; `null` where the system has none (Windows). */
  readonly mode: number | null;
}

/** A file that is open for reading. */
export interface OpenFile extends ByteSource, Disposable {}

/** A watch that runs. */
export interface FolderWatch {
  /** Ends it; resolves after the last callback. */
  close(): Promise<void>;
}

/** Plain sockets. */
export interface TcpPort {
  /** Connects; rejects when `signal` aborts. */
  connect(options: {
    readonly hostname: string;
    readonly port: number;
    readonly signal: AbortSignal;
  }): Promise<TcpConn>;
  /** Binds. */
  listen(options: { readonly hostname: string; readonly port: number }): Promise<TcpListener>;
  /**
   * Throws the reason why an address cannot be bound where `listen` of `node:net` would not report
   * it.
   */
  checkBind(options: { readonly hostname: string; readonly port: number }): void;
}

/** A socket address. */
export interface SocketAddress {
  readonly hostname: string;
  readonly port: number;
}

/** A connected socket. One read and one write at a time. */
export interface TcpConn extends ByteSource, ByteSink {
  readonly localAddr: SocketAddress;
  readonly remoteAddr: SocketAddress;
  /** Ends our direction. */
  closeWrite(): Promise<void>;
  /** Closes both directions at once; pending reads and writes reject. */
  close(): void;
  setNoDelay(noDelay: boolean): void;
}

/** A bound port. */
export interface TcpListener {
  readonly addr: SocketAddress;
  /** Rejects when the listener is closed. */
  accept(): Promise<TcpConn>;
  close(): void;
}

/** Differences between the implementations of `node:tls`. */
export interface TlsPort {
  /** To be called for each `tls.Server` before its first handshake, for `peerChain`. */
  prepareServer(server: Server): void;
  /**
   * Starts the handshake of an accepted socket. Calls `onDone` when the peer has shown its
   * certificate, before the server judges that: one that it rejects cannot be seen afterwards. Where
   * the platform does not provide the socket at that time, `onDone` is not called.
   */
  accept(server: Server, under: Socket, onDone: (socket: TLSSocket) => void): void;
  /**
   * The certificates that the peer sent, leaf first, to be read once the handshake is done; some
   * platforms add the authority. More than `limit` are cut off after one more. Empty when the peer
   * sent none, and when it resumed a session instead of proving its certificate. `suffices` says
   * whether the leaf alone is wanted, where reading the others is expensive.
   */
  peerChain(
    socket: TLSSocket,
    limit: number,
    suffices: (leaf: Uint8Array) => boolean,
  ): Uint8Array[];
  /**
   * Begins TLS as a client that shows no certificate, trusts `ca` only and does not check the host
   * name. For the proof that a listener refuses such a peer.
   */
  startWithoutCertificate(conn: TcpConn, ca: string): Promise<TlsProbe>;
  /**
   * Why `node:tls` does not accept a certificate, by the code of its error, as completes "the
   * certificate is not acceptable: ..."; undefined: the code has no single reason.
   */
  whyUntrusted(code: string): string | undefined;
  /** The meaning of a failed probe; undefined: unknown. */
  failureOf(error: unknown): "untrustedServer" | "refused" | undefined;
}

/** A client without a certificate. */
export interface TlsProbe extends ByteSource {
  handshake(): Promise<unknown>;
  close(): void;
}

/** Threads with separate event loops. */
export interface ThreadPort {
  /**
   * Starts a module in a thread.
   *
   * @throws {Error} where a permission is missing; it is not prompted for.
   */
  start(module: URL, name: string, events: ThreadEvents): Promise<Thread>;
  /** The other end, for the module that `start` has started. */
  parent(onMessage: (message: unknown) => void): { post(message: unknown): void };
}

/** Events of a thread. */
export interface ThreadEvents {
  readonly onMessage: (message: unknown) => void;
  /** It has failed, or has ended unexpectedly. */
  readonly onError: (reason: string) => void;
}

/** A thread. */
export interface Thread {
  post(message: unknown): void;
  terminate(): void;
}
