/**
 * Faults of a simulation, as data: a list of faults can be saved, changed, shrunk and run again.
 * Times are milliseconds of virtual time after the scenario began.
 *
 * @module
 */
/** Fields that all faults have. */
export interface FaultTime {
  /** When it begins, milliseconds after the scenario began; at least 0. */
  readonly at: number;
}

/** Fields of faults that end. */
export interface FaultSpan extends FaultTime {
  /** How long it lasts, milliseconds. */
  readonly for: number;
}

/** Which traffic a fault concerns. */
export interface Between {
  /** Nodes that send. Default: all. */
  readonly from?: readonly string[];
  /** Nodes that receive. Default: all. */
  readonly to?: readonly string[];
}

/** Nothing gets from one group of nodes to another, and with `oneWay` not absent, not back either. */
export interface PartitionFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "partition";
  /** One side. */
  readonly between: readonly string[];
  /** The other side. */
  readonly and: readonly string[];
  /**
   * Only what `between` sends to `and` is cut. What is sent the other way arrives once; connections
   * cannot be made in either direction. Default false.
   */
  readonly oneWay?: boolean;
}

/** Packets take longer. */
export interface LatencyFault extends FaultSpan, Between {
  /** Names the fault. */
  readonly type: "latency";
  /** Least time under way that is added, milliseconds. */
  readonly min: number;
  /** Most time under way that is added, milliseconds; of `exponential`: the mean above `min`. */
  readonly max: number;
  /** How the times are spread: evenly, or with a long tail. Default `"uniform"`. */
  readonly distribution?: "uniform" | "exponential";
}

/**
 * Packets are lost. Below a byte stream that is delay: each lost packet is sent again after 200 ms,
 * then twice as long each time (up to 60 s), and everything behind it waits.
 */
export interface LossFault extends FaultSpan, Between {
  /** Names the fault. */
  readonly type: "loss";
  /** Of one packet, from 0 to below 1. */
  readonly probability: number;
}

/** Fields of faults of whole messages. */
export interface MessageFault extends FaultSpan, Between {
  /** Of one message, from 0 to 1. */
  readonly probability: number;
  /**
   * Beginnings of the paths whose messages are concerned. Default `["/_cluster"]`: membership,
   * barriers and the coordination of shards, which must tolerate it. Messages between actors
   * are never lost, repeated or reordered by a connection: only name their paths if their protocol
   * must tolerate it.
   */
  readonly paths?: readonly string[];
}

/** Messages are lost, above the byte stream. */
export interface MessageLossFault extends MessageFault {
  /** Names the fault. */
  readonly type: "messageLoss";
}

/** Messages are delivered twice; the second time up to `delay` milliseconds later (default 1 000). */
export interface MessageDuplicationFault extends MessageFault {
  /** Names the fault. */
  readonly type: "messageDuplication";
  /** Milliseconds. Default 1 000. */
  readonly delay?: number;
}

/** Messages are held back for up to `delay` milliseconds (default 1 000), others overtake them. */
export interface MessageReorderingFault extends MessageFault {
  /** Names the fault. */
  readonly type: "messageReordering";
  /** Milliseconds. Default 1 000. */
  readonly delay?: number;
}

/** All connections between two nodes are reset. */
export interface ResetFault extends FaultTime {
  /** Names the fault. */
  readonly type: "reset";
  /** One end. */
  readonly between: string;
  /** The other end. */
  readonly and: string;
  /** The next bytes that arrive are read up to the half, then the reset comes. Default false. */
  readonly midFrame?: boolean;
}

/** A process crashes. */
export interface CrashFault extends FaultTime {
  /** Names the fault. */
  readonly type: "crash";
  /** The node. */
  readonly node: string;
  /**
   * The whole machine fails, and no connection is reset. Default false: the process crashes and its
   * operating system resets the connections.
   */
  readonly silently?: boolean;
  /** Milliseconds until it is started again. Default: never. */
  readonly restartAfter?: number;
  /** With which address it starts again: its own, or a new one. Default `"same"`. */
  readonly identity?: "same" | "new";
  /**
   * The fate of unsynced writes of the machine: they survive (`"kept"`), or are `"lost"`, or each
   * of them survives, is lost or is torn at random (`"random"`). Default: `"kept"` when only the
   * process crashes, since its operating system continues; `"random"` with `silently`.
   */
  readonly unsynced?: "kept" | "lost" | "random";
}

/** A node is shut down in order. */
export interface StopFault extends FaultTime {
  /** Names the fault. */
  readonly type: "stop";
  /** The node. */
  readonly node: string;
  /** Milliseconds after it has stopped until it is started again. Default: never. */
  readonly restartAfter?: number;
  /** With which address it starts again. Default `"same"`. */
  readonly identity?: "same" | "new";
}

/**
 * The event loop of a node is paused (a long computation, garbage collection): no timer fires and
 * nothing is read, while its operating system still receives, and the thread that answers for a
 * stalled node still answers.
 */
export interface PauseFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "pause";
  /** The node. */
  readonly node: string;
  /** All threads of the process are paused, as after SIGSTOP. Default false. */
  readonly whole?: boolean;
}

/**
 * The machine of a node is suspended, as when a laptop's lid is closed or a virtual machine is moved:
 * no thread runs, its monotonic clock and timers stand still, and its wall clock has jumped when it
 * resumes.
 */
export interface SuspendFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "suspend";
  /** The node. */
  readonly node: string;
}

/** Each turn of a node's event loop takes so long; events wait meanwhile. */
export interface SlowFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "slow";
  /** The node. */
  readonly node: string;
  /** Milliseconds. */
  readonly turn: number;
}

/** The wall clock of a node jumps. */
export interface ClockSkewFault extends FaultTime {
  /** Names the fault. */
  readonly type: "clockSkew";
  /** The node. */
  readonly node: string;
  /** Milliseconds; negative: back. */
  readonly by: number;
}

/** The clock of a node runs at another rate. Timers that are set already keep their time. */
export interface ClockDriftFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "clockDrift";
  /** The node. */
  readonly node: string;
  /** Milliseconds that it counts in a millisecond: 1.01 is one per cent fast. */
  readonly rate: number;
}

/** No room is left on the disk of a node: writes fail with the code `full`, in part or as a whole. */
export interface DiskFullFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "diskFull";
  /** The node. */
  readonly node: string;
}

/** Each operation of a node on files takes longer. */
export interface DiskSlowFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "diskSlow";
  /** The node. */
  readonly node: string;
  /** Milliseconds that are added. */
  readonly delay: number;
}

/** Operations of a node on files fail with the code `io`. */
export interface DiskErrorFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "diskError";
  /** The node. */
  readonly node: string;
  /**
   * The operations that fail. A write may have been made in part. What was written before a `sync`
   * that failed is lost with the power, even if a later one succeeds.
   */
  readonly operation: "read" | "write" | "sync";
  /** Of one operation, from 0 to 1. */
  readonly probability: number;
}

/** The database cannot be reached. What was sent to it before is carried out, and not answered. */
export interface StoreDownFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "storeDown";
  /** The nodes that do not reach it. Default: all. */
  readonly nodes?: readonly string[];
}

/** Calls of the database take longer. */
export interface StoreSlowFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "storeSlow";
  /** Milliseconds that are added. */
  readonly delay: number;
  /** Of one call, from 0 to 1. Default 1: each call. */
  readonly probability?: number;
}

/** Calls of the database fail. */
export interface StoreErrorFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "storeError";
  /**
   * `"before"`: nothing is done. `"after"`: it was done, and the caller is told that the outcome is
   * unknown.
   */
  readonly when: "before" | "after";
  /** Of one call, from 0 to 1. */
  readonly probability: number;
}

/** The database has no room left: it refuses writes, and goes on to read. */
export interface StoreFullFault extends FaultSpan {
  /** Names the fault. */
  readonly type: "storeFull";
}

/** One fault. Plain data. */
export type Fault =
  | PartitionFault
  | LatencyFault
  | LossFault
  | MessageLossFault
  | MessageDuplicationFault
  | MessageReorderingFault
  | ResetFault
  | CrashFault
  | StopFault
  | PauseFault
  | SuspendFault
  | SlowFault
  | ClockSkewFault
  | ClockDriftFault
  | DiskFullFault
  | DiskSlowFault
  | DiskErrorFault
  | StoreDownFault
  | StoreSlowFault
  | StoreErrorFault
  | StoreFullFault;

/** Names of faults. */
export type FaultKind = Fault["type"];

/** All kinds of faults. */
export const faultKinds: readonly FaultKind[] = [
  "partition",
  "latency",
  "loss",
  "messageLoss",
  "messageDuplication",
  "messageReordering",
  "reset",
  "crash",
  "stop",
  "pause",
  "suspend",
  "slow",
  "clockSkew",
  "clockDrift",
  "diskFull",
  "diskSlow",
  "diskError",
  "storeDown",
  "storeSlow",
  "storeError",
  "storeFull",
];

/** Kinds that concern only scenarios which use files. */
export const diskFaultKinds: readonly FaultKind[] = ["diskFull", "diskSlow", "diskError"];

/** Kinds that concern only scenarios which use the database. */
export const storeFaultKinds: readonly FaultKind[] = [
  "storeDown",
  "storeSlow",
  "storeError",
  "storeFull",
];

/** When a fault is over, milliseconds after the scenario began. */
export function endOf(fault: Fault): number {
  if ("for" in fault) return fault.at + fault.for;
  const { restartAfter } = fault as { restartAfter?: number };
  return fault.at + (restartAfter ?? 0);
}

/** Names of the nodes that a fault concerns. They stay the same when an address changes. */
export function nodesOf(fault: Fault): readonly string[] {
  switch (fault.type) {
    case "partition":
      return [...fault.between, ...fault.and];
    case "reset":
      return [fault.between, fault.and];
    case "latency":
    case "loss":
    case "messageLoss":
    case "messageDuplication":
    case "messageReordering":
      return [...fault.from ?? [], ...fault.to ?? []];
    case "storeDown":
      return fault.nodes ?? [];
    case "storeSlow":
    case "storeError":
    case "storeFull":
      return [];
    default:
      return [fault.node];
  }
}
