import { assert, assertEquals } from "@std/assert";
import { AskError, type AskFailureReason, AskTimeoutError } from "../../mod.ts";
import { httpStatusOf, operationFailure } from "../../lib/gateway/server/operation_failure.ts";

const failed = (reason: AskFailureReason) =>
  operationFailure(
    new AskError("askNotDelivered", `node-1:25520 says a secret (${reason})`, { reason }),
  );

Deno.test("an operation was certainly not done only where the cluster knows that", () => {
  const none: AskFailureReason[] = [
    "invalidMessage",
    "badEntityId",
    "unauthorized",
    "unknownType",
    "wrongShardCount",
    "noShardOwner",
    "mailboxFull",
    "queueFull",
    "bufferFull",
    "tooManyAsks",
    "tooLarge",
    "notSerializable",
    "expired",
  ];
  for (const reason of none) assertEquals(failed(reason).outcome, "none", reason);
  const unknown: AskFailureReason[] = [
    "ownerLost",
    "disconnected",
    "stopped",
    "handlerFailed",
    "notPersisted",
    "storeUnavailable",
    "shardMoved",
    "aborted",
    "cycle",
  ];
  for (const reason of unknown) assertEquals(failed(reason).outcome, "unknown", reason);
  assertEquals(operationFailure(new AskTimeoutError("x", 5)).outcome, "unknown");
  assertEquals(operationFailure(new Error("a secret")).outcome, "unknown");
});

Deno.test("no text of an error leaves the gateway, but that of a rejection", () => {
  for (const reason of ["ownerLost", "handlerFailed", "mailboxFull"] as const) {
    assert(!/secret|node-1/.test(JSON.stringify(failed(reason))), reason);
  }
  const rejection = { message: "sold out", code: "soldOut", details: { left: 0 } };
  const rejected = operationFailure(
    new AskError("askRejected", "a secret", { reason: "rejected", rejection }),
  );
  assertEquals(rejected, { code: "rejected", message: "sold out", outcome: "handled", rejection });
  assertEquals(httpStatusOf[rejected.code], 409);
});
