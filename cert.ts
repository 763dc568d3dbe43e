/**
 * The certificate authority of a cluster: functions, and a command line.
 *
 *     deno run -A cert.ts --help
 *
 * @module
 */
export {
  type CaOptions,
  type ClientOptions,
  createCa,
  type Issued,
  issueClient,
  issueNode,
  type NodeOptions,
} from "./lib/cert/authority.ts";
export { CertError } from "./lib/cert/errors.ts";
export { CastyError, type CastyErrorOptions } from "./lib/runtime/casty_error.ts";
