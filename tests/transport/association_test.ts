import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  Association,
  type AssociationEffect,
  type AssociationEvent,
  type Candidate,
  type Outcome,
  resolveConflict,
} from "../../lib/transport/endpoint/association.ts";

const backoff = { minBackoff: 500, maxBackoff: 30_000 };
const wanted: AssociationEvent = { type: "wanted" };
const up: AssociationEvent = { type: "up" };
const down: AssociationEvent = { type: "down" };
const duplicate: AssociationEvent = { type: "duplicate" };
const timer: AssociationEvent = { type: "timer" };
const heard: AssociationEvent = { type: "heard" };
const failed: AssociationEvent = { type: "failed", random: 0.5 };

const histories: [string, [AssociationEvent, number, string][]][] = [
  ["the first wish dials, further ones wait", [[wanted, 0, "dial"], [wanted, 1, ""], [up, 2, ""]]],
  ["a connection that is up is not dialled again", [[up, 0, ""], [wanted, 1, ""]]],
  ["after a connection has ended the next wish dials", [
    [up, 0, ""],
    [down, 5, ""],
    [wanted, 6, "dial"],
  ]],
  ["a failed dial drops what waits, and what is wanted during the pause", [
    [wanted, 0, "dial"],
    [failed, 10, "drop"],
    [wanted, 259, "drop"],
    [wanted, 260, "dial"],
  ]],
  ["the pause doubles with each failure", [
    [wanted, 0, "dial"],
    [failed, 0, "drop"],
    [wanted, 250, "dial"],
    [failed, 250, "drop"],
    [wanted, 749, "drop"],
    [wanted, 750, "dial"],
  ]],
  ["success ends the doubling", [
    [wanted, 0, "dial"],
    [failed, 0, "drop"],
    [wanted, 250, "dial"],
    [up, 250, ""],
    [down, 300, ""],
    [wanted, 300, "dial"],
    [failed, 300, "drop"],
    [wanted, 549, "drop"],
    [wanted, 550, "dial"],
  ]],
  ["a peer's own dial ends the pause", [
    [wanted, 0, "dial"],
    [failed, 0, "drop"],
    [up, 1, ""],
    [wanted, 2, ""],
  ]],
  ["a dial that yields to the peer's waits for it, then dials again", [
    [wanted, 0, "dial"],
    [duplicate, 5, "wait 2000"],
    [wanted, 6, ""],
    [timer, 2_005, "dial"],
  ]],
  ["a dial that yields is content with the peer's", [
    [wanted, 0, "dial"],
    [duplicate, 5, "wait 2000"],
    [up, 6, ""],
    [timer, 2_005, ""],
  ]],
  ["a peer that is heard on the other lane ends the pause: it is dialled at once", [
    [wanted, 0, "dial"],
    [failed, 0, "drop"],
    [heard, 10, "dial"],
    [wanted, 11, ""],
    [up, 12, ""],
    [heard, 13, ""],
  ]],
  ["the pauses are short again after the peer was heard", [
    [wanted, 0, "dial"],
    [failed, 0, "drop"],
    [wanted, 250, "dial"],
    [failed, 250, "drop"],
    [wanted, 750, "dial"],
    [failed, 750, "drop"],
    [heard, 760, "dial"],
    [failed, 760, "drop"],
    [wanted, 1_009, "drop"],
    [wanted, 1_010, "dial"],
  ]],
  ["being heard matters in a pause only", [
    [heard, 0, ""],
    [wanted, 0, "dial"],
    [heard, 1, ""],
    [failed, 2, "drop"],
    [heard, 252, ""],
    [wanted, 253, "dial"],
    [duplicate, 254, "wait 2000"],
    [heard, 255, ""],
  ]],
  ["the outcome of an own dial does not matter once the peer's is up", [
    [wanted, 0, "dial"],
    [up, 1, ""],
    [duplicate, 2, ""],
    [failed, 3, ""],
    [wanted, 4, ""],
  ]],
];

for (const [behaviour, steps] of histories) {
  Deno.test(`association: ${behaviour}`, () => {
    const association = new Association(backoff);
    for (const [event, now, expected] of steps) {
      assertEquals(association.step(event, now).map(text).join(), expected, `at ${now}`);
    }
  });
}

Deno.test("association: a pause is never longer than maxBackoff, nor shorter for lack of luck", () => {
  fc.assert(fc.property(fc.nat(60), fc.double({ min: 0, max: 0.999, noNaN: true }), (n, random) => {
    const association = new Association(backoff);
    let now = 0;
    for (let i = 0; i <= n; i++) {
      assertEquals(association.step(wanted, now).map(text), ["dial"]);
      association.step({ type: "failed", random }, now);
      const ceiling = Math.min(30_000, 500 * 2 ** i);
      if (random > 0.01) {
        assertEquals(association.step(wanted, now + random * ceiling - 1).map(text), ["drop"]);
      }
      now += random * ceiling + 0.001;
    }
  }));
});

Deno.test("association: whatever happens, it never dials while it dials or is up", () => {
  const event = fc.constantFrom(wanted, up, down, duplicate, timer, failed, heard);
  fc.assert(fc.property(fc.array(fc.tuple(event, fc.nat(3_000)), { maxLength: 60 }), (events) => {
    const association = new Association(backoff);
    let now = 0;
    let isUp = false;
    for (const [next, pause] of events) {
      now += pause;
      const dialing = association.dialing;
      const dials = association.step(next, now).some(({ type }) => type === "dial");
      assert(!(dials && (dialing || isUp)), `dialled twice on ${next.type}`);
      if (next.type === "up") isUp = true;
      if (next.type === "down") isUp = false;
    }
  }));
});

Deno.test("association: a peer that is heard all the time cannot make this end dial in a loop", () => {
  const association = new Association(backoff);
  association.step(wanted, 0);
  const dials: number[] = [];
  for (let now = 0; now < 60_000; now += 10) {
    // Each dial fails at once, with the longest pause.
    if (association.dialing) association.step({ type: "failed", random: 0.999 }, now);
    for (const event of [heard, wanted]) {
      if (association.step(event, now).some(({ type }) => type === "dial")) dials.push(now);
    }
  }
  // After the first ones a pause ends early every 5 s; those between are 0.5, 1, 2 and 4 s.
  assert(dials.length > 20 && dials.length <= 60, `${dials.length} dials in a minute`);
  const late = dials.filter((at) => at >= 30_000 && at < 40_000);
  assert(late.length <= 10, `${late}`);
});

const known: Candidate = { incarnation: 5, holder: "node b", dialled: false };
const race = { hasPriority: true, dialing: false, age: 60_000, dialTimeout: 5_000 };

const candidates: [
  string,
  Candidate | undefined,
  Partial<Candidate>,
  Partial<typeof race>,
  Outcome,
][] = [
  ["the only connection", undefined, {}, {}, "accept"],
  [
    "a later incarnation while an earlier one seems connected",
    known,
    { incarnation: 6 },
    {},
    "replace",
  ],
  ["an earlier life while a later one is connected", known, { incarnation: 4 }, {}, "stale"],
  ["another holder of the address", known, { holder: "node mallory" }, {}, "taken"],
  ["another holder, with a later incarnation", known, { holder: "x", incarnation: 9 }, {}, "taken"],
  ["the same life anew, half-open before", known, {}, {}, "succeed"],
  ["the peer's dial while this end, which goes first, dials", undefined, {}, {
    dialing: true,
  }, "duplicate"],
  ["the peer's dial while this end, which goes second, dials", undefined, {}, {
    dialing: true,
    hasPriority: false,
  }, "accept"],
  ["the peer's dial, sent before ours had arrived", { ...known, dialled: true }, {}, {
    age: 4_999,
  }, "duplicate"],
  ["the peer's dial, too late to have crossed ours", { ...known, dialled: true }, {}, {
    age: 5_000,
  }, "succeed"],
  [
    "a later incarnation, though this end has just dialled",
    { ...known, dialled: true },
    {
      incarnation: 6,
    },
    { age: 1 },
    "replace",
  ],
  ["our own dial", undefined, { dialled: true }, { dialing: true }, "accept"],
  ["our own dial, of another name of the peer", known, { dialled: true }, {}, "succeed"],
];

for (const [what, old, offered, circumstances, outcome] of candidates) {
  Deno.test(`association: ${what}: ${outcome}`, () => {
    assertEquals(
      resolveConflict(old, { ...known, ...offered }, { ...race, ...circumstances }),
      outcome,
    );
  });
}

Deno.test("association: of two dials that cross, exactly one end refuses", () => {
  fc.assert(fc.property(fc.boolean(), fc.boolean(), (aFirst, bothDialing) => {
    const offered = { ...known, dialled: false };
    const outcomes = [aFirst, !aFirst].map((hasPriority) => {
      return resolveConflict(undefined, offered, { ...race, hasPriority, dialing: bothDialing });
    });
    assertEquals(outcomes.filter((outcome) => outcome === "duplicate").length, bothDialing ? 1 : 0);
  }));
});

function text(effect: AssociationEffect): string {
  return effect.type === "wait" ? `wait ${effect.delay}` : effect.type;
}
