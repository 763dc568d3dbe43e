/**
 * Writes docs/casty.toml: deno task docs:config
 *
 * @module
 */
import { configReference } from "../lib/config/config_reference.ts";

Deno.writeTextFileSync(new URL("../docs/casty.toml", import.meta.url), configReference());
