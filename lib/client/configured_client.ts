import type { ConfigPlace } from "../config/config_place.ts";
import { loadConfig } from "../config/load_config.ts";
import { overlaid } from "../config/overlay.ts";
import { tlsFilesOf } from "../config/tls_files.ts";
import { systemConfigSource } from "../runtime/system_config_source.ts";
import { TlsConfig, type TlsPaths } from "../transport/tls/tls_config.ts";
import type { ClientOptions } from "./client_options.ts";

/**
 * The options of a client from the sections `client`, `transport` and `tls`; `given` override them.
 *
 * @throws {ConfigError}
 * @throws {TlsConfigError}
 */
export async function clientOptionsOf(
  given: Partial<ClientOptions>,
  { file, source = systemConfigSource }: ConfigPlace,
): Promise<ClientOptions> {
  const config = await loadConfig(source, file);
  const transport = config.section("transport");
  const files = given.tls === undefined ? tlsFilesOf(config, source.folder()) : undefined;
  const tls = files === undefined
    ? given.tls
    : await TlsConfig.fromPaths(files as unknown as TlsPaths);
  return overlaid(
    Object.keys(transport).length === 0 ? undefined : { transport },
    config.section("client"),
    given,
    { ...(tls !== undefined && { tls }) },
  ) as unknown as ClientOptions;
}
