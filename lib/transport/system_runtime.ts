import { consoleLogger } from "../runtime/logger.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { safeTelemetry } from "../runtime/safe_telemetry.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { systemRandom } from "../runtime/system_random.ts";
import { systemResolver } from "../runtime/system_resolver.ts";
import { systemStorage } from "../runtime/system_storage.ts";
import { systemNetwork } from "./system_network.ts";

/**
 * The real runtime: the machine's clock, random numbers, network and files, and warnings on standard
 * error. `overrides` replaces parts of it.
 */
export function systemRuntime(overrides: Partial<Runtime> = {}): Runtime {
  const runtime = {
    clock: systemClock,
    random: systemRandom,
    logger: consoleLogger("warn"),
    network: systemNetwork,
    storage: systemStorage,
    resolver: systemResolver,
    ...overrides,
  };
  const { telemetry, logger } = runtime;
  return telemetry === undefined
    ? runtime
    : { ...runtime, telemetry: safeTelemetry(telemetry, logger) };
}
