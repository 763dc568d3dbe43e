import { assert, assertEquals } from "@std/assert";
import {
  ClientSession,
  type ClientSessionEffect,
} from "../../lib/gateway/session/client_session.ts";
import { closeCodes } from "../../lib/gateway/protocol/close_codes.ts";

const timing = { connectTimeout: 1_000, pingAfter: 10_000, maxPause: 5_000 };
const welcome = JSON.stringify({
  type: "welcome",
  session: "s",
  secret: "x",
  resumed: false,
  received: 0,
  window: { messages: 8, bytes: 1_000 },
  maxFrame: 1_000,
  idempotent: ["counters/get"],
});

/** Runs ticks until there is an attempt; when it was, and to which address. */
function nextAttempt(session: ClientSession, from: number): { at: number; address: number } {
  for (let now = from;;) {
    now = Math.max(now, session.tickAt!);
    const effects = session.step({ type: "tick", chance: 0 }, now);
    const connect = effects.find(({ type }) => type === "connect");
    if (connect?.type === "connect") return { at: now, address: connect.address };
  }
}

function open(session: ClientSession, now: number): number {
  const { at } = nextAttempt(session, now);
  session.step({ type: "opened", connection: 1 }, at);
  session.step({ type: "text", connection: 1, text: welcome }, at);
  assertEquals(session.state, "open");
  return at;
}

Deno.test("a client tries its addresses in turn, and gives each attempt more time after a round", () => {
  const session = new ClientSession(["ws://a", "ws://b"], timing, 0);
  const attempts: ReturnType<typeof nextAttempt>[] = [];
  let now = 0;
  for (let count = 0; count < 10; count++) {
    const attempt = nextAttempt(session, now);
    attempts.push(attempt);
    now = attempt.at;
  }
  assertEquals(attempts.map(({ address }) => address), [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  const waits = attempts.slice(1).map(({ at }, index) => at - attempts[index]!.at);
  // The attempt itself, and the pause behind it.
  assertEquals(waits, [1_000, 1_050, 2_050, 2_100, 4_100, 4_200, 8_200, 8_400, 8_400]);
});

Deno.test("a client comes back to the address of its session, unless the gateway ends", () => {
  for (const [code, address] of [[1006, 0], [closeCodes.closing.code, 1]] as const) {
    const session = new ClientSession(["ws://a", "ws://b"], timing, 0);
    const now = open(session, 0);
    session.step({ type: "closed", connection: 1, code, chance: 1 }, now);
    const next = nextAttempt(session, now);
    assertEquals(next.address, address);
    assert(next.at - now <= 200, "so that a page is back soon");
  }
});

Deno.test("a client that hears nothing asks for a sign of life, and then goes elsewhere", () => {
  const session = new ClientSession(["ws://a"], timing, 0);
  let now = open(session, 0);
  const tick = () => {
    now = session.tickAt!;
    return session.step({ type: "tick", chance: 0 }, now);
  };
  const sent = (effects: readonly ClientSessionEffect[]) =>
    effects.flatMap((effect) => effect.type === "send" ? effect.frames : []);
  assertEquals([sent(tick()), now], [['{"type":"ping"}'], 10_000]);
  session.step({ type: "text", connection: 1, text: '{"type":"pong"}' }, 12_000);
  assertEquals([sent(tick()), now], [['{"type":"ping"}'], 22_000]);
  const types = tick().map(({ type }) => type);
  assertEquals([types, now], [["disconnect", "state"], 32_000]);
});

Deno.test("what belongs to an earlier connection is ignored", () => {
  const session = new ClientSession(["ws://a"], timing, 0);
  const now = open(session, 0);
  session.step({ type: "closed", connection: 1, code: 1006, chance: 0 }, now);
  nextAttempt(session, now);
  assertEquals(session.step({ type: "text", connection: 1, text: welcome }, now), []);
  assertEquals(session.step({ type: "closed", connection: 1, code: 4401, chance: 0 }, now), []);
  assertEquals(session.state, "connecting");
});

Deno.test("a client that is refused ends what waits, and takes nothing any more", () => {
  const session = new ClientSession(["ws://a"], timing, 0);
  const { at } = nextAttempt(session, 0);
  const operation = { kind: "publish", topic: "x", message: 1 } as const;
  const call = (id: number) =>
    session.step({ type: "operation", id, operation, timeout: 9_000, idempotent: false }, at);
  assertEquals(call(1), []);
  const code = closeCodes.unauthenticated.code;
  const rejected = session.step({ type: "closed", connection: 1, code, chance: 0 }, at)
    .find(({ type }) => type === "reject");
  assert(rejected?.type === "reject" && rejected.failure.outcome === "none");
  assertEquals(rejected.failure.code, "unauthenticated");
  assertEquals(session.tickAt, undefined);
  assertEquals(call(2).map(({ type }) => type), ["reject"]);
});

Deno.test("a client gives up when each address is known to be no gateway, until it has a session", () => {
  const session = new ClientSession(["ws://a", "ws://b"], timing, 0);
  session.step({ type: "subscribe", id: 1, topic: "t" }, 0);
  let now = 0;
  let connection = 0;
  const fail = (found: string | undefined) => {
    now = nextAttempt(session, now).at;
    return session.step(
      { type: "closed", connection: ++connection, code: 0, chance: 0, found },
      now,
    )
      .find(({ type }) => type === "ended");
  };
  // What was found at an address may pass.
  for (const found of ["none", undefined, undefined, "none"]) {
    assertEquals(fail(found), undefined);
  }
  assertEquals(session.state, "connecting");
  const ended = fail("a page");
  assertEquals(ended?.type === "ended" && ended.failure.code, "badProtocol");
  assertEquals(
    ended?.type === "ended" && ended.failure.message,
    "no gateway is at ws://a (a page), nor at ws://b (none)",
  );
  assertEquals(session.state, "closed");

  const lucky = new ClientSession(["ws://a"], timing, 0);
  now = open(lucky, 0);
  lucky.step({ type: "closed", connection: 1, code: 0, chance: 0 }, now);
  now = nextAttempt(lucky, now).at;
  lucky.step({ type: "closed", connection: 2, code: 0, chance: 0, found: "a page" }, now);
  assertEquals(lucky.state, "connecting");
});
