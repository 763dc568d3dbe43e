import type { Clock } from "../../runtime/clock.ts";
import { checkOptions } from "../../options/check_options.ts";
import { tlsDefaults, tlsPathsTable, tlsTextsTable } from "../../options/tables/tls_tables.ts";
import type { IdentityMapping } from "../../runtime/identity_mapping.ts";
import type {
  Authorize,
  CertifiedIdentity,
  IdentityRefusal,
  RevocationData,
  TlsMaterial,
} from "../../runtime/network.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import type { TlsEvent } from "../../runtime/tls_event.ts";
import { X509Error } from "../../x509/errors.ts";
import { TlsConfigError } from "../base/errors.ts";
import { FileWatch } from "./file_watch.ts";
import { describeCertificate, type IdentityMapper, identityOf } from "../../x509/identity.ts";
import { identityMapper } from "../../x509/identity_mapping.ts";
import {
  denyListEntries,
  judgeRevocation,
  listsNeeded,
  policyOf,
  readDenyList,
  type RevocationPolicy,
} from "../../x509/revocation_policy.ts";
import { type CheckedPair, checkPair, type TextNames } from "./tls_check.ts";
import {
  exposedAuthorityKey,
  fileOptions,
  readTlsFiles,
  type TlsFiles,
  type TlsPaths,
} from "./tls_files.ts";
import { TlsNotices } from "./tls_notices.ts";
import { certTool } from "../../runtime/cert_tool.ts";

export type { TlsPaths } from "./tls_files.ts";

/** PEM texts. */
export interface TlsTexts extends Pick<TlsMaterial, "cert" | "key" | "ca"> {
  /**
   * Which certificates are nodes and which are clients; see {@linkcode TlsPaths.identity}. Default:
   * those URI names, of the trust domain of this end.
   */
  readonly identity?: IdentityMapping;
  /** Decides about each peer whose certificate is acceptable. Default: all may connect. */
  readonly authorize?: Authorize;
  /** Clock for the validity check of certificates. Default: the machine's clock. */
  readonly clock?: Clock;
}

interface Subscriber {
  readonly tell: (event: TlsEvent) => void;
  readonly notices: TlsNotices;
}

/** Files that cannot be used. */
interface Suspect {
  readonly reason: string;
  /** Undefined: not all could be read. */
  readonly files: TlsFiles | undefined;
  /** When they were found, on the clock. */
  readonly since: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Files that do not fit together may be in the middle of a change. They are reported once they have
 * stayed the same for so many milliseconds.
 */
const settleTime = 1_000;

/**
 * Certificate, private key and authorities of one end of mutual TLS, checked when they are loaded:
 * whatever a peer would refuse later is an error here, where it can be explained. With `watch` the
 * contents follow the files while there is a subscriber, such as a running node or client.
 */
export class TlsConfig implements TlsMaterial, AsyncDisposable {
  /** PEM of the certificate and its intermediates. */
  readonly cert!: string;
  /** PEM of the private key, PKCS#8. */
  readonly key!: string;
  /** PEM of the authorities. */
  readonly ca!: string;
  /** The role of the holder in the certificate. */
  readonly kind!: CertifiedIdentity["kind"];
  /** The node or client that the certificate was issued to; see {@linkcode CertificateFacts}. */
  readonly name!: string;
  /** The URI name in full, if the certificate is identified by one. */
  readonly uri!: string | undefined;
  /** The domain of that URI, if it is a SPIFFE ID. Peers must be of the same by default. */
  readonly trustDomain!: string | undefined;
  /** DNS names and IP addresses that the certificate covers. */
  readonly hosts!: readonly string[];
  /** End of validity, milliseconds since the Unix epoch. */
  readonly notAfter!: number;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint!: string;
  /** Which certificates are nodes and which are clients. */
  declare readonly identity?: IdentityMapping;
  /** Decides about each peer whose certificate is acceptable. */
  declare readonly authorize?: Authorize;

  readonly #clock: Clock;
  readonly #paths: TlsPaths | undefined;
  readonly #mapper: IdentityMapper;
  readonly #subscribers = new Set<Subscriber>();
  #files: TlsFiles | undefined;
  /** Files that cannot be used, if the last look found such. */
  #suspect: Suspect | undefined;
  /** Why files could not be used, as reported last; empty: the last look found good ones. */
  #reported = "";
  #pair!: CheckedPair;
  #policy: RevocationPolicy = { lists: [], denied: new Set(), listRequired: false };
  #revocation: RevocationData = {
    crl: undefined,
    denied: [],
    listRequired: false,
    currentRequired: false,
  };
  #exposed: string | undefined;
  #watch: FileWatch | undefined;
  #closed = false;

  private constructor(
    pair: CheckedPair,
    { clock, authorize, identity }: Pick<TlsTexts, "clock" | "authorize" | "identity">,
    paths?: TlsPaths,
  ) {
    this.#clock = clock ?? systemClock;
    this.#paths = paths;
    this.#mapper = identityMapper(identity);
    if (authorize !== undefined) this.authorize = authorize;
    if (identity !== undefined) this.identity = identity;
    this.#use(pair);
  }

  /**
   * Reads and checks PEM files.
   *
   * @throws {TlsConfigError} naming the file.
   * @throws {OptionError}
   */
  static async fromPaths(paths: TlsPaths): Promise<TlsConfig> {
    checkOptions(tlsPathsTable, paths);
    const { clock = systemClock } = paths;
    const mapper = identityMapper(paths.identity);
    const { files, pair } = await readPair(paths, clock, mapper);
    const config = new TlsConfig(pair, paths, paths);
    config.#policy = config.#readPolicy(files);
    config.#files = files;
    config.#exposed = await exposedAuthorityKey(paths);
    const refused = config.judge(identityOf(pair.path, pair.identity));
    if (refused !== undefined) {
      const problem = `the certificate of ${describeCertificate(pair.path[0]!)} ${refused.problem}`;
      const remedy = refused.fault === "noRevocationList"
        ? `renew the list (${certTool} revoke writes it anew), or set crlRequired to false`
        : "have another one issued, or renew the list";
      throw new TlsConfigError(fault(refused), paths.certFile, problem, { remedy });
    }
    return config;
  }

  /**
   * Checks PEM texts.
   *
   * @throws {TlsConfigError} naming the text: `cert`, `key` or `ca`.
   * @throws {OptionError}
   */
  // deno-lint-ignore require-await -- reports as fromPaths does
  static async fromPem(texts: TlsTexts): Promise<TlsConfig> {
    checkOptions(tlsTextsTable, texts);
    const names = { cert: "cert", key: "key", ca: "ca" };
    const { clock = systemClock } = texts;
    const mapper = identityMapper(texts.identity);
    return new TlsConfig(checkPair(texts, names, clock.wallTime(), mapper), texts);
  }

  // Own properties, so that spreading the object keeps them.

  /** Whether a peer's certificate is revoked or denied; see {@linkcode TlsMaterial}. */
  readonly judge: (identity: CertifiedIdentity) => IdentityRefusal | undefined = (
    identity,
  ) => judgeRevocation(this.#policy, identity, this.#clock.wallTime());

  /** The lists behind `judge`; see {@linkcode TlsMaterial}. */
  readonly revocation: () => RevocationData = () => this.#revocation;

  /**
   * Publishes changed files, certificates that expire soon and other events for operators, starting
   * with the current state. Files are watched while there is a subscriber; a node or client that
   * runs with this object does. The answer ends the subscription, and resolves when nothing is
   * under way any more.
   */
  readonly subscribe: (listener: (event: TlsEvent) => void) => () => Promise<void> = (
    listener,
  ) => {
    if (this.#closed) return () => Promise.resolve();
    const notices = new TlsNotices(this.#clock, listener);
    const subscriber = { tell: listener, notices };
    this.#subscribers.add(subscriber);
    if (this.#exposed) listener({ type: "authorityKeyExposed", file: this.#exposed });
    notices.look(this.#perishable());
    this.#startWatch();
    return () => this.#unsubscribe(subscriber);
  };

  /** Ends all subscriptions, and with them the watch; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscribers].map((subscriber) => this.#unsubscribe(subscriber)));
  }

  /** See {@linkcode TlsConfig.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #startWatch(): void {
    const paths = this.#paths;
    if (paths?.watch !== true || this.#watch !== undefined) return;
    const files = fileOptions.flatMap((option) => paths[option] ?? []);
    const { watchInterval = tlsDefaults.watchInterval } = paths;
    this.#watch = new FileWatch(this.#clock, files, watchInterval, () => this.#reload());
  }

  async #unsubscribe(subscriber: Subscriber): Promise<void> {
    this.#subscribers.delete(subscriber);
    subscriber.notices.close();
    if (this.#subscribers.size > 0) return;
    const watch = this.#watch;
    this.#watch = undefined;
    await watch?.close();
  }

  async #reload(): Promise<void> {
    const startedAt = this.#clock.now();
    let files: TlsFiles | undefined;
    try {
      files = await readTlsFiles(this.#paths!);
      const changed = changedOptions(this.#paths!, this.#files, files);
      if (changed.length === 0) return this.#calm();
      this.#take(files);
      this.#files = files;
      this.#calm();
      const { fingerprint, notAfter } = this;
      this.#tell({ type: "tlsReloaded", fingerprint, notAfter, changed });
      for (const { notices } of this.#subscribers) notices.look(this.#perishable());
    } catch (error) {
      this.#onReloadFailed(error, files, startedAt);
    }
  }

  /** What is good is taken, so that a bad certificate does not keep a new list out. */
  #take(files: TlsFiles): void {
    let failure: unknown;
    try {
      const now = this.#clock.wallTime();
      this.#use(checkPair(files, namesOf(this.#paths!), now, this.#mapper));
    } catch (error) {
      failure = error;
    }
    this.#policy = this.#readPolicy(files);
    if (failure !== undefined) throw failure;
  }

  #calm(): void {
    this.#suspect = undefined;
    this.#reported = "";
  }

  /**
   * A check may run between the changes of two files, and a file may change during a check. That is
   * no fault: a failure is reported when a later check, `settleTime` after the first, finds the same.
   * The number of checks is no evidence: each change of a file in the folder causes one.
   */
  #onReloadFailed(error: unknown, files: TlsFiles | undefined, startedAt: number): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#reported === reason) {
      this.#suspect = undefined;
      return;
    }
    const known = this.#suspect;
    if (known?.reason !== reason || !samePair(known.files, files)) {
      this.#suspect = { reason, files, since: this.#clock.now() };
      return this.#watch?.soon(settleTime);
    }
    const left = known.since + settleTime - startedAt;
    if (left > 0) return this.#watch?.soon(left);
    this.#reported = reason;
    const isKnown = error instanceof TlsConfigError;
    const code = isKnown ? error.code : "unreadable";
    this.#tell({ type: "tlsReloadFailed", code, file: isKnown ? error.file : "", reason });
  }

  #readPolicy({ crl, denied }: TlsFiles): RevocationPolicy {
    const { crlFile = "", crlRequired, denyList = [], denyListFile } = this.#paths!;
    const data: RevocationData = {
      crl,
      denied: [
        ...inFile("denyList", () => readDenyList(denyList)),
        ...inFile(
          denyListFile ?? "denyListFile",
          () => readDenyList(denyListEntries(denied ?? "")),
        ),
      ],
      ...listsNeeded(crlRequired, this.kind),
    };
    const policy = inFile(crlFile, () => policyOf(data, this.#pair.issuers));
    this.#revocation = data;
    return policy;
  }

  #use(pair: CheckedPair): void {
    this.#pair = pair;
    const self = this as Writable<TlsConfig>;
    self.cert = pair.cert;
    self.key = pair.key;
    self.ca = pair.ca;
    const { hosts, notAfter, fingerprint } = pair.path[0]!;
    const { kind, name, uri, trustDomain } = pair.identity;
    self.kind = kind;
    self.name = name;
    self.uri = uri;
    self.trustDomain = trustDomain;
    self.hosts = hosts;
    self.notAfter = notAfter;
    self.fingerprint = fingerprint;
  }

  #perishable() {
    const { path } = this.#pair;
    return { path, policy: this.#policy, crlFile: this.#paths?.crlFile };
  }

  #tell(event: TlsEvent): void {
    for (const { tell } of [...this.#subscribers]) tell(event);
  }
}

/** Adds to an error which file or option it came from. */
function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof X509Error)) throw error;
    const { code, problem, remedy, cause } = error;
    throw new TlsConfigError(code, file, problem, { ...(remedy && { remedy }), cause });
  }
}

function namesOf({ certFile, keyFile = certFile, caFile }: TlsPaths): TextNames {
  return { cert: certFile, key: keyFile, ca: caFile };
}

/**
 * Reads and checks files. If they do not fit together and have changed meanwhile, they are read
 * again: they were replaced while they were read.
 */
async function readPair(
  paths: TlsPaths,
  clock: Clock,
  mapper: IdentityMapper,
): Promise<{ readonly files: TlsFiles; readonly pair: CheckedPair }> {
  let files = await readTlsFiles(paths);
  while (true) {
    try {
      return { files, pair: checkPair(files, namesOf(paths), clock.wallTime(), mapper) };
    } catch (error) {
      const now = await readTlsFiles(paths);
      if (samePair(files, now)) throw error;
      files = now;
    }
  }
}

/** Whether certificate, key and authorities are the same. */
function samePair(a: TlsFiles | undefined, b: TlsFiles | undefined): boolean {
  return a?.cert === b?.cert && a?.key === b?.key && a?.ca === b?.ca;
}

function changedOptions(
  paths: TlsPaths,
  known: TlsFiles | undefined,
  files: TlsFiles,
): string[] {
  const field = {
    certFile: "cert",
    caFile: "ca",
    keyFile: "key",
    crlFile: "crl",
    denyListFile: "denied",
  } as const;
  return fileOptions.filter((option) => {
    const name = field[option];
    return paths[option] !== undefined && String(known?.[name]) !== String(files[name]);
  });
}

/** A certificate that is loaded has no authoriser to ask. */
function fault({ fault }: IdentityRefusal): "revoked" | "denied" | "noRevocationList" {
  return fault === "unauthorized" ? "denied" : fault;
}
