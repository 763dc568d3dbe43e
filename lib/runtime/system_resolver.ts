import { platform } from "./platform.ts";
import type { Resolver } from "./resolver.ts";

/** The machine's DNS. */
export const systemResolver: Resolver = platform.resolver;
