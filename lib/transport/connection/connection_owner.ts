import type { NumberedPaths } from "../../wire/interned_paths.ts";

/** Why a message was not taken. */
export type SendRefusal = "queueFull" | "tooLarge" | "disconnected" | "notSerializable";

/** How a connection has ended. */
export interface ConnectionEnd {
  readonly reason: string;
  /** Whether the peer has broken the protocol. */
  readonly fault: boolean;
}

/** Who is told what a connection does. */
export interface ConnectionOwner {
  /** A frame of the handshake, or any before it is done. The bytes are valid during the call only. */
  onFrame(type: number, bytes: Uint8Array, start: number, end: number): void;
  /** A message. The bytes are valid during the call only. */
  onMessage(bytes: Uint8Array, start: number, end: number, paths: NumberedPaths): void;
  /** Called once. */
  onClosed(end: ConnectionEnd): void;
  /**
   * A message was taken and is not known to have been read; called after `onClosed`, in order.
   * `maybeRead`: it was written to a peer that has not said how much it has read.
   */
  onUnsent(payload: Uint8Array, maybeRead: boolean): void;
  /** Something has arrived. */
  onSignOfLife(): void;
}
