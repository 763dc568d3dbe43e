/**
 * The options of a node from a configuration.
 *
 * @module
 */
import type { ClusterOptions } from "./cluster/node/cluster_options.ts";
import { ConfigError } from "./config/errors.ts";
import { type CastyConfig, fileName } from "./config/load_config.ts";
import { overlaid } from "./config/overlay.ts";
import { tlsFilesOf } from "./config/tls_files.ts";
import { configuredDowning } from "./membership/downing/configured_downing.ts";
import type { DowningStrategy } from "./membership/downing/downing.ts";
import { environmentName } from "./options/config_keys.ts";
import { TlsConfig, type TlsPaths } from "./transport/tls/tls_config.ts";

/**
 * The options of a node; `given` override what is configured.
 *
 * @throws {ConfigError} code `missingConfig`.
 * @throws {TlsConfigError}
 */
export async function clusterOptionsOf(
  config: CastyConfig,
  given: Partial<ClusterOptions>,
  folder: string,
): Promise<ClusterOptions> {
  const groups = groupsOf(config);
  const files = given.tls === undefined ? tlsFilesOf(config, folder) : undefined;
  const tls = files === undefined
    ? given.tls
    : await TlsConfig.fromPaths(files as unknown as TlsPaths);
  const downing = given.downing ?? downingOf(config);
  const options = overlaid(
    config.section("system"),
    config.section("cluster"),
    groups,
    given,
    { ...(tls !== undefined && { tls }), ...(downing !== undefined && { downing }) },
  );
  for (const needed of ["name", "host", "port"] as const) {
    if (options[needed] === undefined) throw missing(config, needed);
  }
  return options as unknown as ClusterOptions;
}

function groupsOf(config: CastyConfig): Readonly<Record<string, unknown>> {
  const groups: Record<string, unknown> = {};
  for (const name of ["membership", "transport"]) {
    const section = config.section(name);
    if (Object.keys(section).length > 0) groups[name] = section;
  }
  return groups;
}

function downingOf(config: CastyConfig): DowningStrategy | undefined {
  const section = config.section("downing");
  return Object.keys(section).length === 0 ? undefined : configuredDowning(section);
}

function missing(config: CastyConfig, name: "name" | "host" | "port"): ConfigError {
  const key = `cluster.${name}`;
  const where = config.file ?? `there is no ${fileName}, and`;
  return new ConfigError("missingConfig", `a node needs ${key}: ${where} does not set it`, {
    value: key,
    remedy: `set ${name} in the section [cluster], the environment variable ` +
      `${environmentName(key)}, or the option ${name}`,
  });
}
