/**
 * The ports of the runtime: everything that a system takes from outside, as interfaces. Replace one
 * with the option `runtime` of a system, node or client.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import type { Random } from "@casty/casty/runtime";
 *
 * const random: Random = {
 *   next: () => 0.5,
 *   bytes: (length) => new Uint8Array(length),
 * };
 * await using system = new ActorSystem({ runtime: { random } });
 * console.assert(system.runtime.random.next() === 0.5);
 * ```
 *
 * @module
 */
export type { Clock, Timer } from "./clock.ts";
export type {
  CertificateNames,
  IdentityFunction,
  IdentityMapping,
  IdentityPatterns,
  MappedIdentity,
} from "./identity_mapping.ts";
export type { LogFields, Logger, LogLevel } from "./logger.ts";
export type {
  AdminIdentity,
  Authorize,
  CertificateFacts,
  CertifiedIdentity,
  ChainLink,
  ClientIdentity,
  DialOptions,
  IdentityRefusal,
  Link,
  Listener,
  ListenOptions,
  Network,
  NodeIdentity,
  PeerIdentity,
  PlainIdentity,
  RevocationData,
  TlsMaterial,
} from "./network.ts";
export type { Random } from "./random.ts";
export type { DnsRecord, DnsRecordType, Resolver } from "./resolver.ts";
export type { InboundFilter, Runtime } from "./runtime.ts";
export type {
  StallAnswer,
  StallProbe,
  StallRequest,
  StallResponder,
  StallResponderOptions,
} from "./stall_probe.ts";
export {
  type ProcessIdentity,
  type Storage,
  StorageError,
  type StorageErrorCode,
  type StorageFile,
} from "./storage.ts";
export type { StopSignal, StopSignals } from "./stop_signals.ts";
export {
  type Attributes,
  type Counter,
  type Histogram,
  type Instrument,
  noTelemetry,
  type Observe,
  type Span,
  type SpanKind,
  type SpanOptions,
  type Telemetry,
} from "./telemetry.ts";
export { instruments } from "./instruments.ts";
export type { TraceContext } from "./trace_context.ts";
