/**
 * Tools for testing actors: a system on virtual time with seeded randomness, probes that replace
 * actors, a kit that runs one behaviour synchronously and records its effects, and a simulator for
 * whole clusters with faults.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors } from "@casty/casty";
 * import { ActorTestKit } from "@casty/casty/testkit";
 *
 * const echo = Behaviors.receive<{ text: string; replyTo: ActorRef<string> }>((_context, message) => {
 *   message.replyTo.tell(message.text);
 *   return Behaviors.same();
 * });
 *
 * await using kit = ActorTestKit.create();
 * const probe = kit.createProbe<string>();
 * kit.spawn(echo).tell({ text: "hello", replyTo: probe.ref });
 * await probe.expectMessage("hello");
 * ```
 *
 * @module
 */
import "../persistence/reminders/croner.ts";

export {
  type ConformanceCheck,
  journalConformance,
  type JournalUnderTest,
} from "./journal_conformance.ts";
export { ActorTestKit, type ActorTestKitOptions } from "./actor_test_kit.ts";
export { BehaviorTestKit, type BehaviorTestKitOptions } from "./behavior_test_kit.ts";
export type {
  AskedEffect,
  Effect,
  EffectOfType,
  EffectPattern,
  MessageAdapterMadeEffect,
  PassivatedEffect,
  PersistedEffect,
  PipedEffect,
  ReceiveTimeoutCancelledEffect,
  ReceiveTimeoutSetEffect,
  RefusedEffect,
  ReminderCancelledEffect,
  ReminderSetEffect,
  RestartedEffect,
  SentEffect,
  SpawnedAnonymousEffect,
  SpawnedEffect,
  StashedEffect,
  StoppedEffect,
  SupervisedEffect,
  TimerCancelledEffect,
  TimerStartedEffect,
  UnhandledEffect,
  UnstashedEffect,
  UnwatchedEffect,
  WatchedEffect,
  WatchedWithEffect,
} from "./effect.ts";
export { TestkitError, type TestkitErrorCode } from "./errors.ts";
export type { FishingOutcome } from "./fishing.ts";
export { checkLedger, type LedgerHolder } from "./ledger_check.ts";
export {
  checkLinearizability,
  type LinearizabilityOptions,
  type LinearizabilityReport,
  type SequentialModel,
} from "./linearizability/checker.ts";
export { History, type Invocation, type Operation } from "./linearizability/history.ts";
export {
  type RegisterInput,
  registerModel,
  type RegisterOutput,
} from "./linearizability/register_model.ts";
export { ManualClock } from "./manual_clock.ts";
export { type LogLine, type LogPattern, RecordedLog } from "./recorded_log.ts";
export { type RecordedSpan, RecordedTelemetry } from "./recorded_telemetry.ts";
export {
  type LogProblem,
  type Rehearsal,
  type RehearsalOptions,
  type RehearsalProblem,
  type RehearsalProgress,
  rehearse,
  type RehearsedBehaviors,
  type RehearsedJournal,
  type RehearsedKind,
} from "./rehearsal.ts";
export { SeededRandom } from "./seeded_random.ts";
export {
  SimulationError,
  type SimulationErrorCode,
  type SimulationFailure,
} from "./simulation/errors.ts";
export type {
  Between,
  ClockDriftFault,
  ClockSkewFault,
  CrashFault,
  DiskErrorFault,
  DiskFullFault,
  DiskSlowFault,
  Fault,
  FaultSpan,
  FaultTime,
  LatencyFault,
  LossFault,
  MessageDuplicationFault,
  MessageFault,
  MessageLossFault,
  MessageReorderingFault,
  PartitionFault,
  PauseFault,
  ResetFault,
  SlowFault,
  StopFault,
  StoreDownFault,
  StoreErrorFault,
  StoreFullFault,
  StoreSlowFault,
  SuspendFault,
} from "./simulation/fault.ts";
export type { Invariant, InvariantMaker } from "./simulation/invariant.ts";
export type { HealthLimits } from "./simulation/node_health.ts";
export { diskFaultKinds, type FaultKind, faultKinds, storeFaultKinds } from "./simulation/fault.ts";
export {
  noAcknowledgedEventLost,
  noEventStoredTwice,
  oneWriter,
  repliesOnlyAfterDurable,
} from "./simulation/journal_invariants.ts";
export type { AppendCounts, BrokenDurability } from "./simulation/journal_ledger.ts";
export type { SimulatedDatabase } from "./simulation/simulated_database.ts";
export type { DoubleOwnership, EntityInstance } from "./simulation/double_ownership.ts";
export { oneOwnerAtEveryInstant } from "./simulation/one_owner.ts";
export { type RandomFaultOptions, randomFaults } from "./simulation/random_faults.ts";
export type {
  FaultPlan,
  FaultScene,
  NodeOptions,
  Scenario,
  ScenarioRun,
  ScenarioSource,
  SimulationSetup,
} from "./simulation/scenario.ts";
export { simulate, type SimulationOptions, type SimulationReport } from "./simulation/simulate.ts";
export type { NodeStatus, SimulatedNode } from "./simulation/simulated_node.ts";
export { memoryStorage } from "./simulation/simulated_storage.ts";
export type { Downing, SimulatedClientOptions, Simulation } from "./simulation/simulation.ts";
export {
  healthyNotDowned,
  ledgerBalances,
  oneLeader,
  oneLiveOwner,
  oneOwnerPerEpoch,
  queuesAreBounded,
  standardInvariants,
  statusMovesForward,
} from "./simulation/standard_invariants.ts";
export { TestInbox } from "./test_inbox.ts";
export {
  type MessageOfType,
  type MessageType,
  type QuietOptions,
  spawnProbe,
  TestProbe,
  type TestProbeOptions,
  type WaitOptions,
} from "./test_probe.ts";
export type { InboundFilter } from "../runtime/runtime.ts";
export type { UnreachableReason } from "../membership/state/gossip_state.ts";
export type { Unreachability } from "../membership/detector/reachability.ts";
export type { MembershipView } from "../membership/state/view.ts";
export type { OwnedShard } from "../sharding/sharding.ts";
export {
  type ProcessIdentity,
  type Storage,
  StorageError,
  type StorageErrorCode,
  type StorageFile,
} from "../runtime/storage.ts";
export type { Clock, Timer } from "../runtime/clock.ts";
export type { Random } from "../runtime/random.ts";
export { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";
export { OptionError } from "../options/option_error.ts";
