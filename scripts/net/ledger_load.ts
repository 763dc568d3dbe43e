/**
 * A client on a host of its own that writes to replicated ledgers, and reads back what was acknowledged. Its
 * argument is {@linkcode LedgerClientOptions} as JSON; it takes one {@linkcode LedgerCommand} per line of its
 * input and answers each with a {@linkcode LedgerLine}.
 *
 * @module
 */
import { AcknowledgedWrites } from "../../bench/replication/acknowledged_writes.ts";
import {
  connectLedgerClient,
  type LedgerClientOptions,
} from "../../bench/replication/replicated_cluster.ts";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";

/** A command. */
export type LedgerCommand =
  /** Write until `stop`. */
  | { readonly type: "start" }
  /** Wait until each writer has had an acknowledgement since now, at most so many milliseconds. */
  | { readonly type: "await"; readonly limit: number }
  /** Write no more, and read all. */
  | { readonly type: "stop" };

/** The answer to a command. */
export type LedgerLine =
  | { readonly type: "connected" | "start" }
  /** `took` in milliseconds; without it the limit was reached. */
  | { readonly type: "await"; readonly took?: number; readonly acknowledged: number }
  | {
    readonly type: "stop";
    readonly acknowledged: number;
    readonly read: number;
    readonly repeated: number;
    readonly faults: readonly string[];
    /** Why asks were repeated, as lines. */
    readonly failures: string;
  };

const writers = 32;
/** Milliseconds between an acknowledgement and the next write. */
const interval = 10;

const print = (line: LedgerLine) => console.log(JSON.stringify(line));

async function carryOut(writes: AcknowledgedWrites, command: LedgerCommand): Promise<LedgerLine> {
  switch (command.type) {
    case "start":
      writes.start();
      return { type: "start" };
    case "await": {
      const took = await writes.allWriteWithin(command.limit);
      const { acknowledged } = writes;
      return { type: "await", acknowledged, ...(took !== undefined && { took }) };
    }
    case "stop": {
      await writes.stop();
      const { read, faults } = await writes.check();
      const { acknowledged, repeated } = writes;
      const failures = writes.failureLines();
      return { type: "stop", acknowledged, read, repeated, faults, failures };
    }
  }
}

if (import.meta.main) {
  const options = JSON.parse(Deno.args[0]!) as LedgerClientOptions;
  const client = await connectLedgerClient(options);
  const writes = new AcknowledgedWrites(client, writers, interval);
  print({ type: "connected" });
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) print(await carryOut(writes, JSON.parse(line) as LedgerCommand));
  Deno.exit(0);
}
