import { issueClient } from "../authority/authority.ts";
import type { Command } from "./command.ts";
import { createNamedCommand } from "./create_named_command.ts";

/** `create-client`. */
export const createClientCommand: Command = createNamedCommand({
  role: "client",
  holder: "a client",
  summary: "issue a certificate for a client, which never becomes a member",
  example: { name: "shop", validity: "24h" },
  issue: issueClient,
});
