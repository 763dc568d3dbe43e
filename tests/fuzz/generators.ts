/**
 * A generator for each message of the wire: a valid shape with true, near and extreme values. A test
 * compares this table with `docs/protocol.md`.
 *
 * @module
 */
import { administration } from "./admin_generators.ts";
import type { Generators } from "./at_path.ts";
import { membership } from "./membership_generators.ts";
import { remoting, services } from "./remoting_generators.ts";
import { delivering } from "./delivery_generators.ts";
import { durable } from "./durable_generators.ts";
import { replication } from "./replication_generators.ts";
import { sharding } from "./sharding_generators.ts";
import { streams } from "./stream_generators.ts";
import { structures } from "./structure_generators.ts";
import { publishing } from "./topic_generators.ts";

/** Every message that can be sent in an envelope. Frames are in `frames.ts`. */
export const generators: Generators = {
  ...membership,
  ...sharding,
  ...services,
  ...remoting,
  ...streams,
  ...durable,
  ...replication,
  ...publishing,
  ...structures,
  ...delivering,
  ...administration,
};
