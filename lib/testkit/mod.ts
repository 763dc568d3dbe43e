/**
 * Tools for testing actors: a system on virtual time with chance from a seed, probes that stand in
 * for actors, and a kit that runs one behaviour synchronously and records what it does.
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
export { ActorTestKit, type ActorTestKitOptions } from "./actor_test_kit.ts";
export { BehaviorTestKit, type BehaviorTestKitOptions } from "./behavior_test_kit.ts";
export type {
  AskedEffect,
  Effect,
  EffectOfType,
  EffectPattern,
  MessageAdapterMadeEffect,
  PipedEffect,
  ReceiveTimeoutCancelledEffect,
  ReceiveTimeoutSetEffect,
  RestartedEffect,
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
export { TestkitError } from "./errors.ts";
export type { FishingOutcome } from "./fishing.ts";
export { checkLedger, type LedgerHolder } from "./ledger_check.ts";
export { ManualClock } from "./manual_clock.ts";
export { type LogLine, type LogPattern, RecordedLog } from "./recorded_log.ts";
export { SeededRandom } from "./seeded_random.ts";
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
export type { Clock, Timer } from "../runtime/clock.ts";
export type { Random } from "../runtime/random.ts";
export { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";
