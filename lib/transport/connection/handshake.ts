/**
 * The first frames of a connection: the dialling side says `hello`, the other answers `welcome` or
 * `refuse`. Pure: checks the statements of the peer against its certificate.
 *
 * @module
 */
import { decode, encode } from "@msgpack/msgpack";
import { parseAddress } from "../../runtime/address.ts";
import type { PeerIdentity } from "../../runtime/network.ts";
import { serializerNumbers } from "../../options/tables/wire_tables.ts";
import { isSignature } from "../../wire/serializer.ts";
import { coversHost, listHosts } from "../../x509/host_names.ts";
import type { TransportLimits } from "../base/limits.ts";
import { type Lane, lanes, type Peer } from "../base/peer.ts";

/** The supported protocol versions. */
export const protocol = { min: 1, max: 1 } as const;
/** Largest frame of the handshake, bytes. */
export const maxHandshakeFrame = 8_192;

const magic = "casty";
const maxText = 255;
const maxReason = 500;
const maxFeatures = 100;

/** Statements of one side about itself, in `hello` and in `welcome`. */
export interface Hello {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly systemName: string;
  readonly role: "node" | "client";
  readonly nodeId: string;
  /** `"host:port"`, or `"client:<id>"`. */
  readonly address: string;
  readonly incarnation: number;
  readonly lane: Lane;
  readonly maxFrame: number;
  readonly window: number;
  /** Names of optional abilities; unknown ones are ignored. */
  readonly features: readonly string[];
  /** With the feature `chunks`: the largest message. */
  readonly maxMessage?: number;
  /** With the feature `paths`: the largest number of interned paths. */
  readonly maxInternedPaths?: number;
  /** Custom serializers as `"name@version"`; the index of each is its number. Left out: none. */
  readonly serializers?: readonly string[];
}

/** Optional features of this version: used if both ends support them. */
export const features = {
  /** Messages that are larger than a frame. */
  chunks: "chunks",
  /** Numbers for actor paths. */
  paths: "paths",
  /** Deflated messages. */
  deflate: "deflate",
  /** Trace contexts in envelopes. */
  trace: "trace",
  /** The time that an asker still waits, in envelopes. */
  deadline: "deadline",
  /** Reports of lost asks to the nodes of the routers that have passed them on. */
  routedAsks: "routedAsks",
  /** Reports of aborted asks. */
  abortedAsks: "abortedAsks",
  /** A lane for the logs of replicated shards. */
  replication: "replication",
} as const;

/** Smallest `maxFrame`: below, the chunks of a message would be mostly headers. */
export const minFrame = 256;

/** Terms of one connection, agreed by both ends. */
export interface Agreement {
  /** Largest frame. */
  readonly maxFrame: number;
  /** Largest message that this end may send, bytes. */
  readonly maxMessage: number;
  /** Largest number of sent and unacknowledged bytes. */
  readonly window: number;
  /** Largest number of interned actor paths. */
  readonly maxInternedPaths: number;
  /** Size above which messages are deflated; 0: none. */
  readonly compressAbove: number;
  /** Whether this end is a client, which acknowledges sooner. Default: a node. */
  readonly isClient?: boolean;
}

/** The terms that follow from the hello of both ends. `compressAbove` is the option of this end. */
export function agree(
  self: Hello,
  said: Hello,
  compressAbove: number,
): Agreement {
  const both = (feature: string) =>
    self.features.includes(feature) && said.features.includes(feature);
  const maxFrame = Math.min(self.maxFrame, said.maxFrame);
  // The type byte of a frame counts too.
  const whole = maxFrame - 1;
  return {
    maxFrame,
    maxMessage: both(features.chunks)
      ? Math.min(self.maxMessage ?? whole, said.maxMessage ?? whole)
      : whole,
    // Bounds memory: this end keeps unacknowledged bytes, however large a window the peer grants.
    window: Math.min(self.window, said.window),
    maxInternedPaths: both(features.paths)
      ? Math.min(self.maxInternedPaths ?? 0, said.maxInternedPaths ?? 0)
      : 0,
    compressAbove: both(features.deflate) ? compressAbove : 0,
    isClient: self.role === "client",
  };
}

/** The configured content of a hello. */
export interface HelloSource {
  readonly systemName: string;
  readonly role: "node" | "client";
  /** A label for people. Empty: the address. */
  readonly nodeId: string;
  readonly incarnation: number | (() => number);
  readonly serializers?: readonly string[];
}

/** The hello of this end on a connection for `lane`. */
export function ownHello(
  { systemName, role, nodeId, incarnation, serializers = [] }: HelloSource,
  { maxFrame, maxMessage, maxInternedPaths, window, acceptCompressed }: TransportLimits,
  address: string,
  lane: Lane,
): Hello {
  return {
    protocolMin: protocol.min,
    protocolMax: protocol.max,
    systemName,
    role,
    nodeId: nodeId || address,
    address,
    incarnation: typeof incarnation === "function" ? incarnation() : incarnation,
    lane,
    maxFrame,
    window,
    features: Object.values(features).filter((feature) =>
      acceptCompressed || feature !== features.deflate
    ),
    maxMessage,
    maxInternedPaths,
    // Left out if there are none: the same hello as before serializers existed.
    ...(serializers.length > 0 && { serializers }),
  };
}

/** Why a connection is refused. */
export type RefusalCode =
  | "malformed"
  | "protocol"
  | "systemName"
  | "role"
  | "address"
  | "self"
  | "stale"
  | "duplicate"
  | "taken"
  | "undecided"
  | "revoked"
  | "full";

/** A refusal of the handshake. */
export interface HandshakeRefusal {
  readonly code: RefusalCode;
  /** A sentence for the log of the end that refuses; "it" is the other end. */
  readonly reason: string;
  /** The same for the refused end, where the sentence would say it the wrong way round to it. */
  readonly told?: string;
}

/** What a refusal frame says. */
export interface ReceivedRefusal {
  /** Stable; `unknown` if the frame is malformed. */
  readonly code: string;
  /** A sentence for the refused end. */
  readonly reason: string;
  /** With the code `self`: proves that this end has refused itself. */
  readonly token?: string;
}

/** The bytes of a hello. */
export function encodeHello(hello: Hello): Uint8Array {
  return encode({ magic, ...hello });
}

/** The hello, or `undefined` if the bytes are none. Unknown fields are ignored. */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const value = decodeRecord(bytes);
  if (value === undefined || value.magic !== magic) return undefined;
  const { systemName, role, nodeId, address, lane, features } = value;
  if (!isText(systemName) || !isText(nodeId) || !isText(address)) return undefined;
  if (role !== "node" && role !== "client") return undefined;
  if (!lanes.includes(lane as Lane)) return undefined;
  if (!Array.isArray(features) || features.length > maxFeatures || !features.every(isText)) {
    return undefined;
  }
  const { protocolMin, protocolMax, incarnation, maxFrame, window } = value;
  const numbers = [protocolMin, protocolMax, incarnation, maxFrame, window];
  const { maxMessage = 1, maxInternedPaths = 1 } = value;
  if (![...numbers, maxMessage, maxInternedPaths].every(isPositive)) return undefined;
  if (value.serializers !== undefined && !areSerializers(value.serializers)) return undefined;
  if ((maxFrame as number) < minFrame) return undefined;
  return value as unknown as Hello;
}

/** The bytes of a refusal, and of the reason of a close. */
export function encodeRefusal({ code, reason, token }: ReceivedRefusal): Uint8Array {
  const text = reason.slice(0, maxReason);
  return encode({ code, reason: text, ...(token !== undefined && { token }) });
}

/** What a refusal says; `unknown` where it is malformed. */
export function decodeRefusal(bytes: Uint8Array): ReceivedRefusal {
  const value = decodeRecord(bytes);
  const text = (field: unknown) =>
    typeof field === "string" ? field.slice(0, maxReason) : "unknown";
  const { token } = value ?? {};
  return {
    code: text(value?.code),
    reason: text(value?.reason),
    ...(typeof token === "string" && { token: token.slice(0, maxText) }),
  };
}

/** The peer, or why it is refused. */
export function judge(
  said: Hello,
  self: Hello,
  identity: PeerIdentity,
  remote: string,
): Peer | HandshakeRefusal {
  const agreed = Math.min(said.protocolMax, self.protocolMax);
  if (agreed < Math.max(said.protocolMin, self.protocolMin)) {
    const [theirs, ours] = [said, self].map(({ protocolMin, protocolMax }) =>
      `${protocolMin} to ${protocolMax}`
    );
    return refuse(
      "protocol",
      `it speaks protocol ${theirs}, and this ${self.role} ${ours}`,
      `it speaks protocol ${ours}, and this ${said.role} ${theirs}; use versions of Casty that ` +
        "have one in common",
    );
  }
  if (said.systemName !== self.systemName) {
    const [theirs, ours] = [said, self].map(({ systemName }) => JSON.stringify(systemName));
    return refuse(
      "systemName",
      `it belongs to the system ${theirs}, not to ${ours}`,
      `it belongs to the system ${ours}, and this ${said.role} to ${theirs}; use one name, or the ` +
        "address of a node of that system",
    );
  }
  if (said.address === self.address) return refuse("self", "a node does not connect to itself");
  const { nodeId, address, incarnation, lane, serializers = [] } = said;
  const both = (feature: string) => [said, self].every((end) => end.features.includes(feature));
  const facts = {
    nodeId,
    address,
    incarnation,
    protocol: agreed,
    remote,
    lane,
    serializers,
    traces: both(features.trace),
    deadlines: both(features.deadline),
    routedAsks: both(features.routedAsks),
    abortedAsks: both(features.abortedAsks),
    replicates: both(features.replication),
  };
  if (said.role === "client") {
    return address.startsWith("client:")
      ? { role: "client", identity, ...facts }
      : refuse("address", `${address} is not the address of a client`);
  }
  if (identity.kind === "client" || identity.kind === "admin") {
    const owner = identity.kind === "client" ? "a client" : "an admin";
    return refuse("role", `the certificate of ${identity.name} is that of ${owner}, not of a node`);
  }
  return judgeAddress(address, identity) ?? { role: "node", identity, ...facts };
}

/** Whether `judge` has refused. */
export function isRefusal(judged: Peer | HandshakeRefusal): judged is HandshakeRefusal {
  return "code" in judged;
}

/** A node must not claim an address that its certificate does not cover. */
function judgeAddress(address: string, identity: PeerIdentity): HandshakeRefusal | undefined {
  let host: string;
  try {
    host = parseAddress(address).host;
  } catch {
    return refuse("address", `${address} is not the address of a node`);
  }
  if (identity.kind === "plain" || coversHost(identity.hosts, host)) return undefined;
  const covers = listHosts(identity.hosts);
  return refuse(
    "address",
    `it claims the address ${address}, which its certificate does not cover (${covers})`,
    `the certificate of this node does not cover its address ${address} (${covers})`,
  );
}

function refuse(code: RefusalCode, reason: string, told?: string): HandshakeRefusal {
  return { code, reason, ...(told !== undefined && { told }) };
}

function decodeRecord(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value = decode(bytes, {
      maxStrLength: maxReason * 4,
      maxArrayLength: maxFeatures,
      maxMapLength: 50,
    });
    return typeof value === "object" && value !== null
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}

function areSerializers(value: unknown): boolean {
  return Array.isArray(value) && value.length <= serializerNumbers && value.every(isSignature);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxText;
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
