/**
 * The certificate authority of a cluster: functions, and a command line.
 *
 *     deno run -A cert.ts --help
 *
 * @example
 * ```ts
 * import { createCa, issueNode, verify } from "@casty/casty/cert";
 *
 * const ca = await createCa();
 * const node = await issueNode(ca, { hosts: ["node-1.example", "10.0.0.1"] });
 * const { ok } = await verify(node.cert, { ca: ca.cert, usage: "node", host: "node-1.example" });
 * console.assert(ok);
 * ```
 *
 * @module
 */
export {
  type AdminOptions,
  type CaOptions,
  type ClientOptions,
  createCa,
  issueAdmin,
  issueClient,
  type Issued,
  issueNode,
  type NodeOptions,
} from "./lib/cert/authority/authority.ts";
export { CertError, type CertErrorCode } from "./lib/cert/errors.ts";
export type { Authority } from "./lib/cert/authority/issuing_authority.ts";
export {
  needsRenewal,
  type NeedsRenewalOptions,
  renew,
  type RenewalNeed,
  type RenewOptions,
} from "./lib/cert/authority/renewal.ts";
export { revoke, type RevokedList, type RevokeOptions } from "./lib/cert/authority/revocation.ts";
export {
  readRevocationList,
  type Revocation,
  type RevocationListInfo,
  type RevocationReason,
} from "./lib/cert/authority/revocation_info.ts";
export {
  type TestCa,
  testCa,
  type TestCaOptions,
  type TestCertificate,
  type TestFiles,
} from "./lib/cert/authority/test_ca.ts";
export {
  type Verification,
  verify,
  type VerifyFailure,
  type VerifyOptions,
  type VerifyRule,
} from "./lib/cert/authority/verification.ts";
export type { CertificateClass } from "./lib/x509/identity.ts";
export type { CertificateFault } from "./lib/x509/certificate_fault.ts";
export type { KeyType } from "./lib/cert/authority/key_type.ts";
export type { ValidityOptions } from "./lib/cert/authority/validity.ts";
export { CastyError, type CastyErrorOptions } from "./lib/runtime/casty_error.ts";
export { OptionError } from "./lib/options/option_error.ts";
export {
  type CertificateInfo,
  type CertificateRole,
  readCertificate as certificateInfo,
} from "./lib/cert/authority/certificate_info.ts";
export { loadCa, writePair, type WrittenPair } from "./lib/cert/authority/certificate_files.ts";
export {
  beginRotation,
  type BeginRotationOptions,
  finishRotation,
  type RotationStep,
  signRotation,
} from "./lib/cert/rotation/rotation.ts";
export {
  type RotatedLeaf,
  type RotationOptions,
  type RotationPhase,
  type RotationStatus,
  rotationStatus,
} from "./lib/cert/rotation/rotation_state.ts";
export type { WorkspaceLeaf } from "./lib/cert/authority/workspace.ts";
export {
  diagnose,
  type DoctorOptions,
  type DoctorReport,
  type ExaminedPeer,
} from "./lib/cert/doctor/doctor.ts";
export type { Finding, FindingCode, Severity } from "./lib/cert/doctor/doctor_finding.ts";
export { diagnosePeer, type LiveDoctorOptions } from "./lib/cert/doctor/doctor_live.ts";
export {
  type InitItem,
  type InitOptions,
  initWorkspace,
} from "./lib/cert/authority/workspace_init.ts";

if (import.meta.main) {
  const { runCertCli } = await import("./lib/cert/cli/cli.ts");
  const { printResult } = await import("./lib/cert/cli/print.ts");
  const { platform } = await import("./lib/runtime/platform.ts");
  const { args, exit, stdout, stderr } = platform.process;
  exit(await printResult(await runCertCli(args), stdout, stderr));
}
