import type { Certificates, Pair } from "./certificates.ts";

/** A real TLS client that is not ours: `openssl s_client`. It is killed when it goes out of scope. */
export class OpensslClient implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<Deno.CommandOutput>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#output = child.output();
  }

  static async connect(
    certificates: Certificates,
    port: number,
    pair?: Pair,
    ...more: string[]
  ): Promise<OpensslClient> {
    const own = pair === undefined
      ? []
      : ["-cert", await certificates.file(pair.cert), "-key", await certificates.file(pair.key)];
    const authority = ["-CAfile", await certificates.file(certificates.ca.cert)];
    const child = new Deno.Command("openssl", {
      args: ["s_client", "-connect", `127.0.0.1:${port}`, ...authority, ...own, ...more],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new OpensslClient(child);
  }

  /** Resolves when the server has ended the connection, and with it the program. */
  async ended(): Promise<void> {
    await this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.stdin.close().catch(() => {});
    await this.#output;
  }
}
