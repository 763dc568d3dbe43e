import type { Storage } from "../../lib/runtime/storage.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { DiskFaults } from "../../lib/testkit/simulation/disk_faults.ts";
import {
  SimulatedDisk,
  type UnsyncedOutcome,
} from "../../lib/testkit/simulation/simulated_disk.ts";
import { SimulatedStorage } from "../../lib/testkit/simulation/simulated_storage.ts";

/** A process on a machine. */
export interface MachineProcess {
  readonly storage: Storage;
  readonly faults: DiskFaults;
  /** Its process ends, and the power of its machine fails. */
  fail(outcome?: UnsyncedOutcome): void;
}

/** Machines with one disk in common, whose power can fail at any moment. */
export class FailingMachines {
  readonly clock = new ManualClock();
  readonly disk = new SimulatedDisk();
  readonly random: SeededRandom;
  #pid = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.disk.makeFolder("/data", "");
  }

  start(host: string): MachineProcess {
    let alive = true;
    const faults = new DiskFaults();
    const storage = new SimulatedStorage({
      disk: () => this.disk,
      clock: this.clock,
      random: this.random,
      faults,
      self: { host, pid: ++this.#pid, startedAt: this.clock.wallTime() },
      enter: (take) => take(),
      alive: () => alive,
    });
    const fail = (outcome: UnsyncedOutcome = "random") => {
      alive = false;
      this.disk.fail(host, outcome, this.random);
    };
    return { storage, faults, fail };
  }

  /** What a process sees that starts now. */
  async read(path: string): Promise<string | undefined> {
    const { storage } = this.start("reader");
    const reading = storage.read(path).then((bytes) => new TextDecoder().decode(bytes));
    return await this.clock.resolve(reading.catch(() => undefined));
  }
}
