import {
  callback,
  code,
  either,
  flag,
  group,
  list,
  milliseconds,
  option,
  optionTable,
  text,
} from "../option.ts";
import { clock, isObject, pathText, pemText } from "./forms.ts";

const load = "load the files: tls: await TlsConfig.fromPaths({ certFile, keyFile, caFile })";

/** The type of the option `tls` of nodes and clients. */
export const tlsMaterial = code(
  "a TlsConfig, or an object with cert, key and ca as PEM texts",
  (value) =>
    isObject(value) && ["cert", "key", "ca"].every((name) => typeof value[name] === "string"),
  (value) => {
    if (value instanceof Promise) return "await TlsConfig.fromPaths(...) first";
    return isObject(value) && ("certFile" in value || "caFile" in value) || value === true
      ? load
      : undefined;
  },
);

const authorize = option(callback("a function of the peer"), {
  defaultText: "all may connect",
  text: "Decides about each peer whose certificate is acceptable.",
});
const namePatterns = either(text(1, 1_000), list(text(1, 1_000)));
/** The patterns of the option `identity`. */
export const identityTable = optionTable("identity", {
  node: option(namePatterns, { defaultText: "none", text: "Patterns of the names of nodes." }),
  client: option(namePatterns, {
    defaultText: "none",
    text: "Patterns of the names of clients.",
  }),
  admin: option(namePatterns, { defaultText: "none", text: "Patterns of the names of admins." }),
});

/** The type of the option `identity`. */
export const identityMapping = either(
  group(identityTable),
  callback("a function of the names in a certificate"),
);

const identity = option(
  identityMapping,
  {
    defaultText: "those URI names, of the trust domain of this end",
    text: "Which certificates are nodes, clients and admins, for another PKI.",
  },
);
const ownClock = option(clock, {
  defaultText: "the machine's clock",
  text: "Clock for the validity check of certificates.",
});

/** `TlsConfig.fromPaths(...)`. */
export const tlsPathsTable = optionTable("TlsConfig.fromPaths", {
  certFile: option(pathText, {
    required: true,
    text: "PEM of this end's certificate, followed by intermediates.",
  }),
  keyFile: option(pathText, {
    defaultText: "it stands in `certFile`",
    text: "PEM of the private key.",
  }),
  caFile: option(pathText, { required: true, text: "PEM of the authorities that are trusted." }),
  crlFile: option(pathText, {
    defaultText: "none",
    text: "Certificates that the authorities have revoked, PEM or DER.",
  }),
  crlRequired: option(flag, {
    defaultText: "a node refuses peers whose authority has only outdated lists",
    text: "Rejects peers whose authority has no list in force in `crlFile`; `false`: an outdated " +
      "list still counts.",
  }),
  denyList: option(list(text(1, 200)), {
    defaultText: "none",
    text: "SHA-256 fingerprints of certificates or public keys that are rejected.",
  }),
  denyListFile: option(pathText, {
    defaultText: "none",
    text: "A file with more fingerprints, one a line.",
  }),
  identity,
  authorize,
  watch: option(flag, {
    default: false,
    text: "Whether changed files are taken over while in use.",
  }),
  watchInterval: option(milliseconds(100), {
    default: 10_000,
    text: "Longest time between two checks of the files.",
  }),
  allowOpenKeyFile: option(flag, {
    default: false,
    text: "Accepts a private key that group or others may read.",
  }),
  clock: ownClock,
}, {
  section: "tls",
  advice: () => "use { certFile, keyFile, caFile }",
});

/** The defaults of TLS files. */
export const tlsDefaults = tlsPathsTable.defaults;

/** `TlsConfig.fromPem(...)`. */
export const tlsTextsTable = optionTable("TlsConfig.fromPem", {
  cert: option(pemText, { required: true, text: "PEM of the certificate and its intermediates." }),
  key: option(text(1, 16_777_216, pemText.form, { secret: true }), {
    required: true,
    text: "PEM of the private key.",
  }),
  ca: option(pemText, { required: true, text: "PEM of the authorities that are trusted." }),
  identity,
  authorize,
  clock: ownClock,
});
