/**
 * Writes docs/options.md: deno task docs:options
 *
 * @module
 */
import { optionsPage } from "../lib/options/option_docs.ts";
import { optionChapters } from "../lib/options/option_tables.ts";

const page = new URL("../docs/options.md", import.meta.url);
Deno.writeTextFileSync(page, optionsPage(optionChapters));
