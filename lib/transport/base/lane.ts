/**
 * Which of two connections a message takes. Between two nodes each lane is a connection of its
 * own, so that heartbeats never wait behind bulk; a client uses one connection for both.
 */
export type Lane = "control" | "user";
