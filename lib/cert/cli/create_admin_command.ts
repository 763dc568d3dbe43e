import { issueAdmin } from "../authority/authority.ts";
import type { Command } from "./command.ts";
import { createNamedCommand } from "./create_named_command.ts";

/** `create-admin`. */
export const createAdminCommand: Command = createNamedCommand({
  role: "admin",
  holder: "an admin",
  summary: "issue a certificate for an admin, who operates the cluster with casty",
  example: { name: "alice", validity: "8h" },
  issue: issueAdmin,
});
