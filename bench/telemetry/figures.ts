/** What is measured with and without telemetry: operations of one process, both ends included. */
import process from "node:process";
import { createCa, issueNode } from "@casty/casty/cert";
import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
import type { Telemetry } from "../../lib/runtime/telemetry.ts";
import { askInTurn, askTogether } from "../local/asks_and_spawns.ts";
import { casty } from "../local/casty.ts";
import { flood, pingPong } from "../local/messages.ts";
import type { Subject } from "../local/subject.ts";
import { quantile } from "./statistics.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";

/** One row of the table. */
export interface Figure {
  /** Short name for the command line. */
  readonly key: string;
  readonly title: string;
  /** Operations of one measurement: about 0.2 s of CPU time. */
  readonly size: number;
  /** Opens what is measured. `telemetry`: undefined: off. */
  open(telemetry: Telemetry | undefined): Promise<Measured>;
}

/** What is measured, until it is closed. */
export interface Measured {
  /** Does so many operations. */
  run(operations: number): Promise<unknown>;
  close(): Promise<void>;
}

/** All rows. */
export const figures: readonly Figure[] = [
  local("tell", "tell flood, bursts of 1,000", flood, 5_000_000),
  local("ping-pong", "ping-pong of two actors", pingPong, 3_000_000),
  local("ask", "ask, sequential", askInTurn, 500_000),
  local("ask-64", "ask, 64 at a time", askTogether, 500_000),
  { key: "remote-ask", title: "remote ask, 64 at a time", size: 20_000, open: remote },
];

/** Parts of a measurement. */
const slices = 25;

/**
 * Nanoseconds of CPU time for each operation, all threads of the process included: the 10th percentile
 * of 25 slices, because beside other work the same instructions take up to twice as long.
 */
export async function cpuTime(
  figure: Figure,
  telemetry: Telemetry | undefined,
): Promise<number> {
  const measured = await figure.open(telemetry);
  // The engine has to be warm: it optimises for the kind of telemetry as well.
  for (let i = 0; i < 3; i++) await measured.run(Math.ceil(figure.size / 5));
  const operations = Math.ceil(figure.size / slices);
  const times: number[] = [];
  for (let i = 0; i < slices; i++) {
    const before = process.cpuUsage();
    await measured.run(operations);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) * 1_000 / operations);
  }
  await measured.close();
  return quantile(times, 0.1);
}

function local(
  key: string,
  title: string,
  measure: (subject: Subject, size: number) => Promise<number | undefined>,
  size: number,
): Figure {
  return {
    key,
    title,
    size,
    open: (telemetry) => {
      const open = () => casty({ supervised: true, ...(telemetry && { telemetry }) });
      return Promise.resolve({
        // A system of its own for each run: actors of the one before are gone.
        run: async (operations) => {
          const subject = open();
          await measure(subject, operations);
          await subject.close();
        },
        close: () => Promise.resolve(),
      });
    },
  };
}

type Get = { readonly text: string; readonly replyTo: ActorRef<number> };

/** Two nodes over mutual TLS on loopback. */
async function remote(telemetry: Telemetry | undefined): Promise<Measured> {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
  const start = (nodeId: string, seeds: readonly string[]) =>
    ClusteredActorSystem.start({
      name: "bench",
      nodeId,
      host: "127.0.0.1",
      port: 0,
      seedNodes: [...seeds],
      requiredQuorum: seeds.length + 1,
      tls: { cert, key, ca: ca.cert },
      logger: silentLogger,
      ...(telemetry && { runtime: { telemetry } }),
    });
  const far = await start("far", []);
  const answering = Behaviors.receive<Get>((_context, { replyTo }) => {
    replyTo.tell(1);
    return Behaviors.same();
  });
  far.spawn(answering, "answering");
  const near = await start("near", [far.address]);
  const ref = near.lookup<Get>("/answering", { node: far.address })!;
  const text = "x".repeat(64);
  return {
    run: async (operations) => {
      let left = operations;
      const worker = async () => {
        while (left-- > 0) {
          await near.ask(ref, (replyTo: ActorRef<number>): Get => ({ text, replyTo }), {
            timeout: 20_000,
          });
        }
      };
      await Promise.all(Array.from({ length: 64 }, worker));
    },
    close: async () => {
      await near.shutdown();
      await far.shutdown();
    },
  };
}
