/**
 * How the commands that ask a cluster connect to it.
 *
 * @module
 */
import { AdminClient, answerTimeout } from "../../admin/admin_client.ts";
import {
  type CommandArguments,
  type KnownOptions,
  UsageError,
} from "../../cert/cli/command_arguments.ts";
import { loadConfig } from "../../config/load_config.ts";
import { silentLogger } from "../../runtime/logger.ts";
import type { TlsMaterial } from "../../runtime/network.ts";
import type { CliIo } from "../cli_io.ts";

/** Help for the options below. */
export const connectionHelp = `Connection:
  --contact HOST:PORT   a node to begin with; may be repeated
  --system NAME         name of the cluster's system
  --config FILE         takes both from client or cluster of this casty.toml; by default from
                        CASTY_CONFIG, or casty.toml in this folder
  --tls FOLDER          with admin.crt, admin.key and ca.crt
  --cert, --key, --ca   the same as single files
  --map FROM=TO         dial TO for the address FROM of a node (tunnels); may be repeated
  --timeout SECONDS     time for the connection, and for each answer (10 and 5)
  --json                output for programs
`;

/** Help about exit codes. */
export const exitCodesHelp = `Exit codes: 0 done, 1 not as it should be or not done, 2 wrong use,
3 no connection, 4 the certificate does not permit it.
`;

/** The options of a command that asks a cluster, besides its own. */
export function withConnectionOptions(own: Partial<KnownOptions> = {}): KnownOptions {
  const { texts = [], lists = [], switches = [] } = own;
  return {
    texts: [...texts, "system", "config", "tls", "cert", "key", "ca", "timeout"],
    lists: [...lists, "contact", "map"],
    switches: [...switches, "json"],
  };
}

/** Connects as the arguments say. */
export async function connect(args: CommandArguments, io: CliIo): Promise<AdminClient> {
  const { contactPoints, systemName } = await cluster(args, io);
  const tls = await material(args, io);
  const addressMap = mapOf(args);
  const seconds = secondsOf(args);
  return await AdminClient.connect({
    contactPoints,
    systemName,
    clientHost: "casty",
    logger: silentLogger,
    ...(tls !== undefined && { tls }),
    ...(addressMap !== undefined && { addressMap }),
    ...(seconds !== undefined && { connectTimeout: seconds * 1_000 }),
  }, seconds === undefined ? answerTimeout : seconds * 1_000);
}

interface Cluster {
  readonly contactPoints: readonly string[];
  readonly systemName: string;
}

/** The cluster that is named by the arguments, or else by the configuration. */
async function cluster(args: CommandArguments, io: CliIo): Promise<Cluster> {
  const named = args.list("contact");
  const name = args.text("system");
  if (named.length > 0 && name !== undefined) return { contactPoints: named, systemName: name };
  const config = await loadConfig(io.config, args.text("config"));
  const { contactPoints: contacts, systemName } = config.section("client");
  const { seedNodes, name: clusterName } = config.section("cluster");
  const found = [contacts, seedNodes].find(Array.isArray) as readonly string[] | undefined;
  const contactPoints = named.length > 0 ? named : found ?? [];
  const system = name ?? systemName ?? clusterName ?? config.section("system").name;
  const where = config.file ?? "a casty.toml";
  if (contactPoints.length === 0) {
    throw new UsageError(
      `--contact is missing: name a node (or client.contactPoints or cluster.seedNodes in ${where})`,
    );
  }
  if (typeof system !== "string") {
    throw new UsageError(
      `--system is missing: the name of the system (or cluster.name in ${where})`,
    );
  }
  return { contactPoints, systemName: system };
}

async function material(args: CommandArguments, io: CliIo): Promise<TlsMaterial | undefined> {
  const folder = args.text("tls");
  const [cert, key, ca] = ["cert", "key", "ca"].map((name) => args.text(name));
  if (folder === undefined && cert === undefined && key === undefined && ca === undefined) {
    return undefined;
  }
  const certFile = cert ?? (folder && `${folder}/admin.crt`);
  const caFile = ca ?? (folder && `${folder}/ca.crt`);
  if (certFile === undefined || caFile === undefined) {
    throw new UsageError("--tls FOLDER, or --cert, --key and --ca, are needed together");
  }
  const keyFile = key ?? (folder && `${folder}/admin.key`);
  return await io.loadTls({ certFile, caFile, ...(keyFile !== undefined && { keyFile }) });
}

function mapOf(args: CommandArguments): Readonly<Record<string, string>> | undefined {
  const given = args.list("map");
  if (given.length === 0) return undefined;
  return Object.fromEntries(given.map((text) => {
    const [, from, to] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
    if (from === undefined || to === undefined) {
      throw new UsageError(`--map ${text} is not FROM=TO`);
    }
    return [from, to];
  }));
}

function secondsOf(args: CommandArguments): number | undefined {
  const seconds = args.number("timeout");
  if (seconds !== undefined && seconds < 1) {
    throw new UsageError("--timeout needs a whole number of seconds above 0");
  }
  return seconds;
}
