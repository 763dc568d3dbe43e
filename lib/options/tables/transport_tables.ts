import { linesPerIdentity } from "../../runtime/limited_log.ts";
import { choice, flag, milliseconds, number, option, optionTable, whole } from "../option.ts";
import { messageLimitOptions, wireDefaults } from "./wire_tables.ts";

const count = whole(1);
const size = (max?: number) => number(1, max, { whole: true, unit: "bytes" });
const time = milliseconds(1);

/** The option `transport` of nodes and clients. */
export const transportTable = optionTable("transport", {
  handshakeTimeout: option(time, {
    default: 5_000,
    text: "Time for TCP, TLS and hello together.",
  }),
  maxPendingHandshakes: option(count, {
    default: 64,
    text: "Accepted connections whose handshake may be unfinished at once.",
  }),
  maxConnections: option(count, { default: 10_000, text: "Accepted connections at once." }),
  maxConnectionsPerAddress: option(count, {
    default: 1_000,
    text: "Accepted connections at once from one IP address (IPv6: one /64).",
  }),
  maxConnectionRate: option(number(1), {
    default: 100,
    text: "Connections a second from one IP address (IPv6: one /64).",
  }),
  maxConnectionsPerIdentity: option(count, {
    default: 1_000,
    text: "Accepted connections at once with one certificate.",
  }),
  maxAddresses: option(count, {
    default: 10_000,
    text: "Addresses that are kept track of, for each lane.",
  }),
  maxFrame: option(size(1_073_741_824), {
    default: 1_048_576,
    text: "Largest frame; the smaller value of both ends counts.",
  }),
  maxMessage: option(size(1_073_741_824), {
    default: wireDefaults.maxMessage,
    text: "Largest message; the smaller value of both ends counts.",
  }),
  ...messageLimitOptions,
  binaries: option(choice("copy", "view"), {
    default: "copy",
    text:
      "Whether typed arrays of at least 4 096 bytes in messages above 65 536 bytes are copied, " +
      "or show the memory of the whole message, which they then keep.",
  }),
  maxPartialBytes: option(size(), {
    defaultText: "16 times `maxMessage`",
    text: "Unfinished messages of all connections together.",
  }),
  compressAbove: option(number(0, undefined, { whole: true, unit: "bytes" }), {
    default: 0,
    text: "Messages above this size are compressed. 0: none.",
  }),
  maxCompressionRatio: option(number(1), {
    default: 100,
    text: "How many times its compressed size a message may have.",
  }),
  acceptCompressed: option(flag, {
    default: true,
    text: "Whether compressed messages are read. If not, none are sent either.",
  }),
  maxValueRate: option(number(1_000), {
    default: 4_000_000,
    text: "Values that are decoded a second for one client's certificate; for a node's 8 times " +
      "as many. A peer that sends more is read more slowly, and so is a client whose values take " +
      "more than half of the event loop's time. A single message must take less than the peer's " +
      "`writeTimeout`.",
  }),
  maxInflateRate: option(number(1_024), {
    default: 33_554_432,
    text: "Bytes that are inflated a second for one client's certificate; for a node's 8 times " +
      "as many. A peer that sends more is read more slowly.",
  }),
  maxInternedPaths: option(whole(1, 65_536), {
    default: 256,
    text:
      "Actor paths that one connection replaces by numbers, in each direction. With the default " +
      "they take at most 370 KB, and 24 MB for one client's certificate: connections that are " +
      "opened beside 64 others of it replace none.",
  }),
  window: option(size(), {
    default: 4_194_304,
    text: "Bytes sent and not yet acknowledged before a connection waits.",
  }),
  maxQueuedMessages: option(count, {
    default: 100_000,
    text: "Messages that wait for one connection.",
  }),
  maxQueuedBytes: option(size(), {
    default: 33_554_432,
    text: "Bytes that wait for one connection.",
  }),
  maxQueuedBytesPerIdentity: option(size(), {
    default: 33_554_432,
    text:
      "Bytes that wait for all clients with one certificate, or that they have not acknowledged.",
  }),
  maxAsksPerIdentity: option(count, {
    default: 10_000,
    text: "Asks of this system that wait for replies of clients with one certificate.",
  }),
  maxWatchesPerIdentity: option(count, {
    default: 10_000,
    text: "Actors of this system that all clients with one certificate watch together.",
  }),
  maxWatchesPerPeer: option(count, {
    default: 100_000,
    text: "Actors of this system that one node or client watches, and that this system watches " +
      "at one node.",
  }),
  maxLocatesPerIdentity: option(count, {
    default: 10_000,
    text: "Locations of shards for which clients with one certificate wait at a node.",
  }),
  maxSubscriptionsPerIdentity: option(count, {
    default: 1_000,
    text: "Clients with one certificate that get the shard table of one type from a node.",
  }),
  maxRoutesPerIdentity: option(count, {
    default: 1_000,
    text: "Clients with one certificate that reach a node through other nodes.",
  }),
  maxTopics: option(count, {
    default: 10_000,
    text: "Topics that this node or client may have open.",
  }),
  maxTopicsPerIdentity: option(count, {
    default: 1_000,
    text:
      "Topics that clients with one certificate are subscribed to at a node, each counted for " +
      "each client.",
  }),
  maxPublishRatePerIdentity: option(number(1), {
    default: 1_000,
    text: "Messages that clients with one certificate may publish to topics at a node, a second.",
  }),
  maxRetainedBytes: option(size(), {
    default: 67_108_864,
    text: "Estimated size of the messages that all topics retain at a node; one topic retains at " +
      "most an eighth of it.",
  }),
  maxRetainedBytesPerIdentity: option(size(), {
    default: 4_194_304,
    text: "Estimated size of the retained messages that clients with one certificate have " +
      "published.",
  }),
  maxLogLinesPerIdentity: option(count, {
    default: linesPerIdentity,
    text: "Lines a minute that one certificate causes in a log, each for another cause.",
  }),
  writeTimeout: option(time, {
    default: 20_000,
    text: "Time after which a peer that reads or acknowledges nothing is disconnected.",
  }),
  keepAliveInterval: option(time, {
    default: 15_000,
    text: "Silence after which a connection is probed.",
  }),
  idleTimeout: option(time, {
    default: 40_000,
    text: "Silence after which a connection is closed.",
  }),
  minBackoff: option(time, {
    default: 500,
    text: "Shortest pause before a peer is dialled again. A client: 200.",
  }),
  maxBackoff: option(time, {
    default: 30_000,
    text: "Longest pause before a peer is dialled again. A client: 5 000.",
  }),
  graceAfterExpiry: option(milliseconds(0), {
    default: 0,
    text: "Time that a connection lives on after a certificate of its ends has expired.",
  }),
  closeTimeout: option(time, {
    default: 2_000,
    text: "Time for queued data to be sent and acknowledged when a connection is closed.",
  }),
}, { section: "transport" });

/** The defaults of a node's transport, without `maxPartialBytes`. */
export const transportDefaults = transportTable.defaults;

/**
 * Defaults of a client in place of {@linkcode transportDefaults}: it reconnects sooner than a node.
 */
export const clientTransportDefaults = { minBackoff: 200, maxBackoff: 5_000 } as const;
