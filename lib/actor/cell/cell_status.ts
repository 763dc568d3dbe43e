/**
 * What a cell is up to: bits of one number, so that one comparison tells the usual case.
 *
 * @module
 */
/** It is in the run queue, or runs. Alone: nothing but messages to care for. */
export const scheduled = 1;
/** A handler's promise is pending. */
export const waiting = 2;
/** Has not run its first behaviour yet. */
export const fresh = 4;
/** Was told to stop. */
export const mustStop = 8;
/** Takes no more messages; waits for its children. */
export const stopping = 16;
/** The last signal has been given. */
export const finishing = 32;
/** It is gone. */
export const stopped = 64;
/** Signals or timers wait for their turn. */
export const noticed = 128;
/** Its behaviour has been told that it begins again; waits for its children. */
export const restarting = 256;
/** Begins again when some time has passed. */
export const pausing = 512;
/** Keeps account of when it handles a message. */
export const timed = 1024;

/** It takes no more messages. */
export const ended = stopping | stopped;

/** A step of a turn: no message may be handled now. */
export const blocked = 0;
/** A step of a turn: something has been done. */
export const worked = 1;
/** A step of a turn: the next message may be handled. */
export const free = 2;
