import { assertEquals } from "@std/assert";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { TransportError } from "../../lib/transport/base/errors.ts";
import { codeOf, isDefinite } from "../../lib/transport/endpoint/dial_failure.ts";
import { CertificateRefusedError } from "../../lib/transport/tls/certificate_refused.ts";

const definite = [
  "permissionDenied",
  "wrongServerName",
  "badTlsMaterial",
  "notTls",
  "notCasty",
  "protocol",
  "systemName",
  "role",
  "address",
  "self",
  "untrusted",
  "expired",
  "notYetValid",
  "revoked",
  "unauthorized",
];
/** What may be over a moment later, and codes of later versions. */
const passing = [
  "connectionRefused",
  "hostUnreachable",
  "nameNotFound",
  "connectTimeout",
  "tlsHandshakeFailed",
  "connectionLost",
  "networkFailure",
  "closed",
  "unproved",
  "stale",
  "duplicate",
  "taken",
  "undecided",
  "full",
  "noRevocationList",
  "toString",
  "a code of a later version",
];

Deno.test("a failure is definite if another attempt fails as well", () => {
  assertEquals(definite.filter((code) => !isDefinite(code)), []);
  assertEquals(passing.filter(isDefinite), []);
});

Deno.test("a dial that has thrown has the code of the fault, where the certificate is to blame", () => {
  const fault = new CertificateRefusedError(
    "noRevocationList",
    "node n",
    "has no list",
    "bring one",
  );
  assertEquals(codeOf(fault), "noRevocationList");
  assertEquals(codeOf(new TransportError("notTls", "no TLS")), "notTls");
  assertEquals(codeOf(new CastyError("badAddress", "no address")), "badAddress");
  assertEquals(codeOf(new Error("anything")), "networkFailure");
});
