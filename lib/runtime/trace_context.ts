/**
 * Where in a trace something happens: enough to continue the trace elsewhere (W3C Trace Context).
 * Identifiers are lower-case hexadecimal.
 */
export interface TraceContext {
  /** 32 digits; the same for the whole trace. */
  readonly traceId: string;
  /** 16 digits; the parent span of later spans. */
  readonly spanId: string;
  /** Whether the trace is recorded. */
  readonly sampled: boolean;
}

/** The context as text, to be stored: the header `traceparent` of W3C Trace Context. */
export function traceParentOf({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** Reads what {@linkcode traceParentOf} has made; `undefined` if it is something else. */
export function readTraceParent(text: unknown): TraceContext | undefined {
  if (typeof text !== "string") return undefined;
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text);
  if (parts === null) return undefined;
  const [, traceId, spanId, flags] = parts as unknown as [string, string, string, string];
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) !== 0 };
}

/** Bytes of a trace context on the wire: 16 of the trace, 8 of the span, 1 of flags. */
export const traceContextBytes = 25;

const digits = "0123456789abcdef";

/**
 * Writes a context at `at`. Digits that are none count as 0: an identifier comes from the user's
 * telemetry, and telemetry must not make a message fail.
 */
export function writeTraceContext(context: TraceContext, out: Uint8Array, at: number): void {
  writeHex(context.traceId, 16, out, at);
  writeHex(context.spanId, 8, out, at + 16);
  out[at + 24] = context.sampled ? 1 : 0;
}

/** Reads a context; `undefined` if an identifier is all zeros, which W3C Trace Context forbids. */
export function readTraceContext(bytes: Uint8Array, at: number): TraceContext | undefined {
  const traceId = readHex(bytes, at, 16);
  const spanId = readHex(bytes, at + 16, 8);
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (bytes[at + 24]! & 1) !== 0 };
}

function writeHex(text: string, length: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < length; i++) {
    out[at + i] = digitOf(text, 2 * i) << 4 | digitOf(text, 2 * i + 1);
  }
}

function digitOf(text: string, at: number): number {
  return Math.max(0, digits.indexOf(text.charAt(at) || "0"));
}

function readHex(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length; i++) text += digits[bytes[i]! >> 4]! + digits[bytes[i]! & 15]!;
  return text;
}
