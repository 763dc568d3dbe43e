/**
 * Sources of seed addresses: a list, a function, or DNS. A function and DNS are resolved again: about
 * once a second while the node is no member, then every three seconds. So seeds that have all moved
 * hear of their cluster from its members, before they bootstrap another one.
 *
 * @module
 */
import type { Timer } from "../../runtime/clock.ts";
import { formatAddress, parseAddress } from "../../runtime/address.ts";
import { platform } from "../../runtime/platform.ts";
import type { DnsRecord, DnsRecordType, Resolver } from "../../runtime/resolver.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { refusedOption } from "../../options/explain.ts";

/** Seeds from DNS. */
export interface DnsSeeds {
  /** The DNS name. */
  readonly dns: string;
  /** `SRV` records contain ports; `A` and `AAAA` records need `port`. */
  readonly type: DnsRecordType;
  /** 1 to 65535. Required, and only used, for `A` and `AAAA`. */
  readonly port?: number;
}

/** Returns seed addresses, `"host:port"`; called every second, by a member every three seconds. */
export type SeedFunction = () => readonly string[] | Promise<readonly string[]>;

/** A source of seed addresses. */
export type SeedNodes = readonly string[] | SeedFunction | DnsSeeds;

/** Milliseconds between two lookups. */
const interval = 1_000;
/** The same for a member. Below the time for which seeds must be stable before one bootstraps. */
const memberInterval = 3_000;
/** Seeds beyond this number are ignored. */
const maxSeeds = 1_000;

/** The seeds of a list; none for dynamic seeds. */
export function listedSeeds(seeds: SeedNodes | undefined): readonly string[] {
  return isList(seeds) ? seeds : [];
}

/** Whether the addresses must be resolved. */
export function dynamicSeeds(seeds: SeedNodes | undefined): seeds is SeedFunction | DnsSeeds {
  return seeds !== undefined && !isList(seeds);
}

/** The source as text, for messages. */
export function describeSeeds(seeds: SeedNodes | undefined): string {
  if (seeds === undefined || isList(seeds)) return seeds?.join(", ") || "none";
  return typeof seeds === "function" ? "from a function" : `${seeds.type} records of ${seeds.dns}`;
}

/**
 * Validates what the option table cannot express: records without a port need the option `port`.
 *
 * @throws {OptionError}
 */
export function checkSeedNodes(seeds: SeedNodes | undefined): void {
  if (!dynamicSeeds(seeds) || typeof seeds === "function") return;
  if (seeds.type === "SRV" || seeds.port !== undefined) return;
  const remedy = `${seeds.type} records name no port: set it, 1 to 65535`;
  throw refusedOption("seedNodes.port", seeds.port, remedy);
}

/** Resolves seeds periodically until it is stopped. */
export class SeedResolver {
  readonly #runtime: Runtime;
  readonly #resolver: Resolver | undefined;
  readonly #source: SeedFunction | DnsSeeds;
  readonly #onSeeds: (seeds: readonly string[]) => void;
  readonly #isMember: () => boolean;
  #timer: Timer | undefined;
  #stopped = false;
  #failure = "";

  /** `onSeeds` is called with each successful result. A member looks up less often. */
  constructor(
    runtime: Runtime,
    source: SeedFunction | DnsSeeds,
    onSeeds: (seeds: readonly string[]) => void,
    isMember: () => boolean,
  ) {
    this.#runtime = runtime;
    this.#resolver = runtime.resolver;
    this.#source = source;
    this.#onSeeds = onSeeds;
    this.#isMember = isMember;
  }

  /** The last failure, until a lookup succeeds; empty: none. */
  get failure(): string {
    return this.#failure;
  }

  /** Starts lookups: now, and again some time after each result. */
  async start(): Promise<void> {
    try {
      const seeds = await this.#resolve();
      if (this.#stopped) return;
      this.#failure = "";
      this.#onSeeds(seeds);
    } catch (error) {
      this.#failed(error);
    }
    if (this.#stopped) return;
    const pause = this.#isMember() ? memberInterval : interval;
    this.#timer = this.#runtime.clock.schedule(pause, () => void this.start());
  }

  /** Ends lookups. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #resolve(): Promise<readonly string[]> {
    const source = this.#source;
    const seeds = typeof source === "function" ? await source() : await this.#resolveDns(source);
    for (const seed of seeds) {
      if (parseAddress(seed).port === 0) throw new Error(`"${seed}" has no port to dial`);
    }
    return [...new Set(seeds)].sort().slice(0, maxSeeds);
  }

  async #resolveDns({ dns, type, port = 0 }: DnsSeeds): Promise<string[]> {
    if (this.#resolver === undefined) throw new Error("the runtime has no resolver");
    const records = await this.#records(dns, type);
    return records.map((record) => formatAddress(record.host, record.port ?? port));
  }

  async #records(dns: string, type: DnsRecordType): Promise<readonly DnsRecord[]> {
    try {
      return await this.#resolver!.resolve(dns, type);
    } catch (cause) {
      if (!isUnknownName(cause)) throw cause;
      throw new Error(`the name has no ${type} records`, { cause });
    }
  }

  #failed(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    const source = typeof this.#source === "function" ? "a function" : describeSeeds(this.#source);
    const failure = `no seeds from ${source}: ${detail}`;
    if (failure !== this.#failure) {
      this.#runtime.logger.log("warn", "cluster", "seed lookup failed", { source, error: detail });
    }
    this.#failure = failure;
  }
}

/** How Deno, Node and Bun report a name without such records. */
function isUnknownName(error: unknown): boolean {
  return error instanceof Error &&
    (/no records? found|NXDOMAIN|ENOTFOUND|ENODATA/i.test(error.message) ||
      platform.faultOf(error) === "notFound");
}

function isList(seeds: SeedNodes | undefined): seeds is readonly string[] {
  return Array.isArray(seeds);
}
