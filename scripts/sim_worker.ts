/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { simulate, SimulationError } from "../lib/testkit/mod.ts";
import { namedScenario } from "../tests/sim/scenarios/all.ts";

/** One run. */
export interface Order {
  readonly seed: number;
  readonly scenario: string;
  readonly failures: string;
  readonly trials: number;
}

/** The result of a run. */
export interface Result {
  readonly events: number;
  readonly virtualTime: number;
  readonly failure?: string;
}

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  self.postMessage(await run(data));
};

async function run({ seed, scenario: wanted, failures, trials }: Order): Promise<Result> {
  const scenario = namedScenario(wanted)!;
  try {
    const { events, virtualTime } = await simulate({ seed, failures, shrink: trials }, scenario);
    return { events, virtualTime };
  } catch (error) {
    const failure = error instanceof SimulationError
      ? error.message
      : `${wanted}, seed ${seed}: ${error instanceof Error ? error.stack : error}`;
    return { events: 0, virtualTime: 0, failure };
  }
}
