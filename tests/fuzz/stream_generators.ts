import { atPath, type Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";

const total = (d: Draws) => d.count(d.int(20));

/** To actors that may be producers, consumers or sinks. */
export const streams: Generators = atPath("Streams", (d) => d.path(), {
  streamSubscribe: (d) => ({ consumer: d.ref(), ...d.maybe("demand", () => total(d)) }),
  streamDemand: (d) => ({ consumer: d.ref(), total: total(d), ...d.maybe("probe", () => true) }),
  streamCancel: (d) => ({ consumer: d.ref() }),
  streamElement: (d) => ({ sequence: total(d), element: d.value() }),
  streamCompleted: (d) => ({ count: total(d) }),
  streamFailed: (d) => ({ count: total(d), error: new Error(d.text()) }),
  streamClosed: () => ({}),
  streamStatus: (d) => ({ sent: total(d) }),
  streamRefused: (d) => ({ reason: d.one(["taken", "ended", "notSubscribed", "cannotWatch"]) }),
  streamConnect: (d) => ({ sink: d.ref() }),
  streamWant: (d) => ({ sink: d.ref(), total: total(d), sent: total(d), granted: total(d) }),
  streamPut: (d) => ({ sink: d.ref(), sequence: total(d), element: d.value() }),
  streamEnd: (d) => ({
    sink: d.ref(),
    sent: total(d),
    ...d.maybe("error", () => new Error(d.text())),
  }),
  streamLeave: (d) => ({ sink: d.ref(), sent: total(d), abandoned: d.chance(0.5) }),
  streamPush: (d) => ({ element: d.value(), ...d.maybe("replyTo", () => d.ref()) }),
  streamComplete: () => ({}),
  streamFail: (d) => ({ error: new Error(d.text()) }),
  streamPushed: () => ({}),
  streamPushRefused: (d) => ({ reason: d.one(["bufferFull", "completed", "failed", "cancelled"]) }),
  streamCredit: (d) => ({ total: total(d) }),
  streamClosing: (d) => ({ ending: { type: "completed" }, accepted: total(d) }),
  streamEnded: (d) => ({
    outcome: d.one([{ type: "completed" }, { type: "closed" }, { type: "left" }]),
    accepted: total(d),
  }),
  streamSinkRefused: (d) => ({
    reason: d.one(["unknownSink", "lost", "noCredit", "tooManySinks", "cannotWatch"]),
  }),
});
