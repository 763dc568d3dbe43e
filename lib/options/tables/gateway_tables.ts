import {
  bytes,
  callback,
  code,
  flag,
  list,
  milliseconds,
  option,
  optionTable,
  text,
  whole,
} from "../option.ts";
import { isObject, signal, standardSchema } from "./forms.ts";

const path = text(1, 256, {
  name: "a path that begins with / and does not end with it",
  test: (value) => /^(?:\/[\w.~-]+)+$/.test(value),
  example: "/gateway",
});

const origin = text(1, 512, {
  name: 'an origin such as "https://shop.example", or "*"',
  test: (value) => value === "*" || (URL.canParse(value) && new URL(value).origin === value),
  example: "https://shop.example",
});

/** `ask` and `tell` of `gateway.entity(...)`. */
export const gatewayOperationTable = optionTable("ask and tell of gateway.entity", {
  input: option(standardSchema, {
    defaultText: "the operation has no input",
    text: "What clients pass.",
  }),
  idempotent: option(flag, {
    default: false,
    text: "Whether it may be done twice, so that clients repeat it when its answer was lost.",
  }),
  message: option(callback("a function that makes the message for the entity"), {
    required: true,
    text: "Takes the reply reference (of an ask), the input and the principal.",
  }),
});

/** `gateway.topic(...)`. */
export const gatewayTopicTable = optionTable("gateway.topic", {
  publish: option(standardSchema, {
    defaultText: "clients publish nothing",
    text: "What clients may publish.",
  }),
  subscribe: option(flag, { default: true, text: "Whether clients may subscribe." }),
  visible: option(callback("a function of the message and the principal"), {
    defaultText: "all",
    text: "Which messages a principal gets.",
  }),
});

/** `gatewayHandler(...)`. */
export const gatewayTable = optionTable("gatewayHandler", {
  authenticate: option(callback("a function of the request and its token"), {
    required: true,
    text: "Returns the principal of a request, or undefined to refuse it; may be asynchronous.",
  }),
  authorize: option(callback("a function of the principal and what it wants to do"), {
    defaultText: "all that the API offers",
    text: "Whether a principal may call, publish or subscribe.",
  }),
  path: option(path, { default: "/gateway", text: "Where the gateway is, on the server." }),
  origins: option(list(origin, 0, 100), {
    defaultText: "that of the gateway itself",
    text: 'Origins whose pages may use the gateway besides its own; `"*"`: all.',
  }),
  maxSockets: option(whole(1), { default: 12_000, text: "Sockets that are open at once." }),
  maxSessions: option(whole(1), {
    default: 20_000,
    text: "Sessions, with those that wait for their client. The oldest of these makes room.",
  }),
  maxPrincipals: option(whole(1), {
    default: 20_000,
    text: "Principals that have a socket, a session or an operation at once.",
  }),
  maxSocketsPerPrincipal: option(whole(1), { default: 16, text: "Sockets of one principal." }),
  maxSessionsPerPrincipal: option(whole(1), {
    default: 32,
    text: "Sessions of one principal. The oldest that waits for its client makes room.",
  }),
  maxCallsPerPrincipal: option(whole(1), {
    default: 64,
    text: "Operations of one principal under way; further ones wait unread.",
  }),
  messagesPerSecond: option(whole(1), {
    default: 200,
    text: "Messages of one principal that are read in a second, also at once; further ones wait.",
  }),
  bytesPerSecond: option(bytes(1_024), {
    default: 1_048_576,
    text: "The same in UTF-16 code units; a longer message takes a whole second.",
  }),
  maxMessageBytes: option(bytes(256), {
    default: 65_536,
    text: "Longest message of a client, in UTF-16 code units. A longer one ends its session.",
  }),
  window: option(whole(8, 65_536), {
    default: 256,
    text: "Messages that each end of a session may send before the other has acknowledged them.",
  }),
  windowBytes: option(bytes(1_024), {
    default: 1_048_576,
    text: "The same in UTF-16 code units. What does not fit of a topic becomes a gap.",
  }),
  maxBufferedBytes: option(bytes(65_536), {
    default: 268_435_456,
    text: "UTF-16 code units that wait for clients in all. More of topics becomes a gap.",
  }),
  maxSubscriptions: option(whole(1), { default: 64, text: "Subscriptions of one session." }),
  resumeFor: option(milliseconds(0), {
    default: 60_000,
    text: "How long a session waits for its client to come back.",
  }),
  slowAfter: option(milliseconds(100), {
    default: 15_000,
    text: "A client that leaves a message unacknowledged for so long is disconnected.",
  }),
  helloTimeout: option(milliseconds(1), {
    default: 10_000,
    text: "A socket without a hello for so long is closed.",
  }),
  maxTimeout: option(milliseconds(1), {
    default: 30_000,
    text: "Longest time that an operation waits for its entity, whatever the client says.",
  }),
  upgrade: option(callback("a function of the request that upgrades it"), {
    defaultText: "the server does, on Deno or with `nodeListeners`",
    text: "Makes a WebSocket of a request, where another server is used.",
  }),
});

/** The defaults of a gateway. */
export const gatewayDefaults = gatewayTable.defaults;

const address = text(1, 2_048, {
  name: "a URL of a gateway: https:, http:, wss: or ws:",
  test: (value) => /^(?:https?|wss?):$/.test(URL.canParse(value) ? new URL(value).protocol : ""),
  example: "https://shop.example/gateway",
});

/** `gatewayClient(...)`. */
export const gatewayClientTable = optionTable("gatewayClient", {
  url: option(address, { text: "Where the gateway is, with its path. One of `url` and `urls`." }),
  urls: option(list(address, 1, 100), {
    text: "Where gateways are that offer the same; the next one is tried when one fails.",
  }),
  token: option(callback("a function that returns the token, or a promise of it"), {
    defaultText: "none",
    text: "Called for each connection; `authenticate` of the gateway gets what it returns.",
  }),
  timeout: option(milliseconds(1), {
    default: 5_000,
    text: "How long an operation may take, if it does not say.",
  }),
  maxPending: option(whole(1), { default: 1_000, text: "Operations that wait at once." }),
  buffer: option(whole(1, 1_000_000), {
    default: 1_024,
    text: "Messages of a subscription that wait for a slow reader. What does not fit is a gap.",
  }),
  connectTimeout: option(milliseconds(1), {
    default: 3_000,
    text: "From the start of a connection to its welcome; then the next address is tried.",
  }),
  pingAfter: option(milliseconds(1), {
    default: 10_000,
    text: "Silence after which a sign of life is asked for, and given up after as much again.",
  }),
  maxPause: option(milliseconds(1), {
    default: 5_000,
    text: "Longest pause between attempts to connect.",
  }),
  runtime: option(code("an object with clock, random, webSocket and fetch", isObject), {
    defaultText: "those of the browser or process",
    text: "Time, random numbers, sockets and requests, for tests.",
  }),
});

/** The defaults of a client of a gateway. */
export const gatewayClientDefaults = gatewayClientTable.defaults;

/** `gatewayFetch(...)`. */
export const gatewayFetchTable = optionTable("gatewayFetch", {
  url: { ...gatewayClientTable.options.url, required: true },
  token: gatewayClientTable.options.token,
  timeout: gatewayClientTable.options.timeout,
  fetch: option(callback("a function such as fetch"), {
    defaultText: "the global one",
    text: "Makes requests.",
  }),
});

/** An operation of a client of a gateway. */
export const gatewayCallTable = optionTable("an operation of a gateway", {
  timeout: option(milliseconds(1), {
    defaultText: "that of the client",
    text: "How long it may take.",
  }),
  idempotent: option(flag, {
    default: false,
    text: "Whether it may be done twice, besides what the gateway says of it.",
  }),
  signal: option(signal, {
    defaultText: "none",
    text: "Stops waiting when it is aborted; the operation may be done all the same.",
  }),
});

/** `subscribe` of a topic over HTTP. */
export const gatewaySubscribeTable = optionTable("subscribe of gatewayFetch", {
  signal: option(signal, {
    defaultText: "none",
    text: "Ends the subscription when it is aborted, with its reason.",
  }),
});
