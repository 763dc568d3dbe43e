import { checkOptions } from "../../options/check_options.ts";
import { downingDefaults, downingTable } from "../../options/tables/cluster_tables.ts";
import type { DowningStrategy } from "./downing.ts";
import { keepMajority } from "./keep_majority.ts";
import { keepOldest, type KeepOldestOptions } from "./keep_oldest.ts";
import { staticQuorum, type StaticQuorumOptions } from "./static_quorum.ts";

/** Which side of a partition survives, as a configuration file has it. */
export interface DowningSettings {
  /** Which strategy. `staticQuorum` needs its `size`. Others are passed in code. Default `"keepMajority"`. */
  readonly strategy?: "keepMajority" | "keepOldest" | "staticQuorum";
  /** Options of `keepOldest`. */
  readonly keepOldest?: KeepOldestOptions;
  /** Options of `staticQuorum`. */
  readonly staticQuorum?: StaticQuorumOptions;
}

/**
 * The strategy of the section `downing`.
 *
 * @throws {OptionError}
 */
export function configuredDowning(settings: DowningSettings): DowningStrategy {
  checkOptions(downingTable, settings, "downing");
  switch (settings.strategy ?? downingDefaults.strategy) {
    case "keepMajority":
      return keepMajority();
    case "keepOldest":
      return keepOldest(settings.keepOldest);
    case "staticQuorum":
      // Without a size, its own check says what is missing.
      return staticQuorum(settings.staticQuorum ?? {} as StaticQuorumOptions);
  }
}
