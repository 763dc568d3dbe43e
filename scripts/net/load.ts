/**
 * A client on a host of its own that asks counters. Its argument is {@linkcode LoadArgs} as JSON; it
 * takes one {@linkcode LoadCommand} per line of its input and answers each with a
 * {@linkcode LoadLine}.
 *
 * @module
 */
import { type ActorRef, shardEnvelope, silentLogger } from "../../mod.ts";
import { ClusterClient } from "../../client.ts";
import { AskLoad, untilAllAnswer } from "../../bench/ownership/asks.ts";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";
import { hostNow } from "./host_clock.ts";
import { type Count, counterSharding, counterType } from "./node.ts";

/** The options of the client. */
export interface LoadArgs {
  readonly contacts: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** A command. */
export type LoadCommand =
  /** Ask entities at a fixed rate from now on, asks a second. */
  | { readonly type: "start"; readonly ids: readonly string[]; readonly rate: number }
  /** End that, and write the samples to a file as JSON. */
  | { readonly type: "stop"; readonly file: string }
  /** Ask each entity until it answers. */
  | { readonly type: "probe"; readonly ids: readonly string[] };

/** The answer to a command: it was carried out, at this time of `host_clock.ts`. */
export interface LoadLine {
  readonly type: "connected" | LoadCommand["type"];
  readonly at: number;
  /** How late this process was; only with `stop`. */
  readonly lateness?: number;
}

/** Milliseconds for an ask under load, and for one that is repeated until it is answered. */
const loadTimeout = 5_000;
const probeTimeout = 500;

const print = (line: LoadLine) => console.log(JSON.stringify(line));

async function main({ contacts, tls }: LoadArgs): Promise<void> {
  const client = await ClusterClient.connect({
    contactPoints: [...contacts],
    systemName: "net",
    connectTimeout: 60_000,
    tls,
    logger: silentLogger,
  });
  const counters = client.entityRef<Count>(counterType, counterSharding);
  const asker = (timeout: number) => (id: string) =>
    client.ask(
      counters,
      (replyTo: ActorRef<string>) => shardEnvelope(id, { type: "count" as const, replyTo }),
      { timeout },
    );
  let load: AskLoad | undefined;
  const carryOut = async (command: LoadCommand) => {
    switch (command.type) {
      case "start":
        load = new AskLoad(command.ids, command.rate, asker(loadTimeout));
        return print({ type: "start", at: hostNow() });
      case "stop": {
        const samples = await load!.stop();
        await Deno.writeTextFile(command.file, JSON.stringify(samples));
        return print({ type: "stop", at: hostNow(), lateness: load!.lateness().value });
      }
      case "probe":
        await untilAllAnswer(command.ids, asker(probeTimeout));
        return print({ type: "probe", at: hostNow() });
    }
  };
  print({ type: "connected", at: hostNow() });
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) void carryOut(JSON.parse(line) as LoadCommand);
  Deno.exit(0);
}

if (import.meta.main) await main(JSON.parse(Deno.args[0]!) as LoadArgs);
