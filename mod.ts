/**
 * Actors and clusters for Deno.
 *
 * @module
 */
export { CastyError, type CastyErrorOptions } from "./lib/runtime/casty_error.ts";
