/**
 * The state of a cell: bits of one number, so that one comparison detects the usual case. Only
 * `cell.ts` reads and writes them; others call the methods that it names them by.
 *
 * @module
 */
/** It is in the run queue, or runs. Alone: only messages need attention. */
export const scheduled = 1;
/** A handler's promise is pending. */
export const waiting = 2;
/** Has not run its first behaviour yet. */
export const fresh = 4;
/** Must stop. */
export const mustStop = 8;
/** Takes no more messages; waits for its children. */
export const stopping = 16;
/** Has stopped. */
export const stopped = 64;
/** System messages wait for their turn. */
export const signalled = 128;
/** Its behaviour has had the signal `preRestart`; waits for its children. */
export const restarting = 256;
/** Restarts when its back-off has passed. */
export const pausing = 512;
/** Keeps account of when it handles a message. */
export const timed = 1024;
/** Messages of clients or asks, or untranslated ones, have come: it looks what is known of each. */
export const attributed = 2048;

/** Stops without waiting for a handler: its actor runs elsewhere. */
export const replaced = 4096;

/** It takes no more messages. */
export const ended = stopping | stopped;

/** A step of a turn: no message may be handled now. */
export const blocked = 0;
/** A step of a turn: something has been done. */
export const worked = 1;
/** A step of a turn: the next message may be handled. */
export const free = 2;
