import { formatAddress, parseAddress } from "../../runtime/address.ts";
import { code, objectWith, text, type TextForm } from "../option.ts";

/** The host of an address. */
const host: TextForm = {
  name: "a host name or an IP address, without a port",
  test: (host) => isAddress(formatAddress(host, 1)),
  example: "10.0.1.10",
};

const address: TextForm = {
  name: 'an address, "host:port" or "[ipv6]:port", with a port from 1 to 65535',
  test: (text) => isAddress(text) && parseAddress(text).port > 0,
  example: "10.0.1.10:25520",
};

/** The type of options that name a host. */
export const hostText = text(1, 1_024, host);
/** The type of options that name a node. */
export const addressText = text(1, 1_024, address);
/** The type of options that are a short text for people or for comparison. */
export const label = text(1, 255);
/** The type of options that name a file or folder. */
export const pathText = text(1, 4_096, {
  name: "the path of a file",
  test: (path) => !path.includes("\0"),
  example: "certs/node-1/node.crt",
});
/** The type of options that are PEM blocks. */
export const pemText = text(1, 16_777_216, {
  name: "a text of PEM blocks",
  test: () => true,
  example: "-----BEGIN CERTIFICATE-----",
});

/** A clock, in place of the machine's. */
export const clock = objectWith("a Clock", "now", "schedule");
/** Where files are. */
export const storage = objectWith("a Storage", "read", "open");
/** A logger. */
export const logger = objectWith("a Logger, such as consoleLogger()", "log");
/** Parts of the runtime. */
export const runtime = code("an object with parts of a Runtime", isObject);
/** An actor reference. */
export const reference = objectWith("an ActorRef", "tell");
/** An `AbortSignal`. */
export const signal = code("an AbortSignal", (value) => value instanceof AbortSignal);

/** A validator of messages. */
export const standardSchema = code("a Standard Schema validator", (value) => {
  if (typeof value !== "object" && typeof value !== "function" || value === null) return false;
  const standard = (value as { readonly "~standard"?: unknown })["~standard"];
  return isObject(standard) && standard.version === 1 && typeof standard.validate === "function";
});

/** Whether a value is an object and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}
