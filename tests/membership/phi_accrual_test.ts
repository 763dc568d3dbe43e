import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  type DetectorOptions,
  PhiAccrualDetector,
} from "../../lib/membership/detector/phi_accrual.ts";

/** The defaults of casty v1, for which the reference values were measured. */
const reference: Partial<DetectorOptions> = {
  acceptablePause: 0,
  minStdDeviation: 100,
  firstEstimate: 1_000,
};

function regular(interval: number, options: Partial<DetectorOptions>, count = 10) {
  const detector = new PhiAccrualDetector(options, 0);
  for (let i = 1; i <= count; i++) detector.heartbeat(i * interval);
  return { detector, last: count * interval };
}

for (
  const [silence, phi] of [
    [1_000, 0.301],
    [1_500, 1.643],
    [2_000, 4.4993],
    [2_400, 7.97],
    [2_410, 8.07],
    [3_200, Infinity],
  ] as const
) {
  Deno.test(`phi without history is ${phi} after ${silence} ms of silence`, () => {
    const detector = new PhiAccrualDetector(reference, 0);
    assertAlmostEquals(detector.phi(silence), phi, 0.005);
  });
}

for (
  const [silence, phi] of [
    [500, 0.301],
    [750, 2.2069],
    [1_000, 6.5426],
    [1_060, 7.97],
    [1_070, 8.22],
    [1_330, Infinity],
  ] as const
) {
  Deno.test(`phi after ten intervals of 500 ms is ${phi} after ${silence} ms of silence`, () => {
    const { detector, last } = regular(500, reference);
    assertAlmostEquals(detector.phi(last + silence), phi, 0.005);
  });
}

Deno.test("an acceptable pause of 3 s moves suspicion from 1.07 s to 4.07 s", () => {
  const { detector, last } = regular(500, { ...reference, acceptablePause: 3_000 });
  assertAlmostEquals(detector.phi(last + 4_070), 8.22, 0.005);
});

Deno.test("a peer that never responds is suspected", () => {
  const detector = new PhiAccrualDetector({}, 1_000);
  assert(detector.isAvailable(1_000 + 5_000));
  assert(!detector.isAvailable(1_000 + 5_500));
});

Deno.test("with the defaults, heartbeats of 1 s are suspected after about 5 s of silence", () => {
  const { detector, last } = regular(1_000, {});
  assert(detector.isAvailable(last + 5_000));
  assert(!detector.isAvailable(last + 5_200));
});

Deno.test("phi is 0 right after a heartbeat and grows with silence", () => {
  const { detector, last } = regular(1_000, {}, 50);
  assertAlmostEquals(detector.phi(last), 0, 1e-9);
  let before = -1;
  for (let silence = 0; silence < 8_000; silence += 50) {
    const phi = detector.phi(last + silence);
    assert(phi >= before, `phi fell to ${phi} at ${silence}`);
    before = phi;
  }
  assertEquals(before, Infinity);
});

Deno.test("a peer far over the threshold is unavailable until it responds", () => {
  const detector = new PhiAccrualDetector({ ...reference, firstEstimate: 100, threshold: 3 }, 0);
  assert(!detector.isAvailable(10_000));
  detector.heartbeat(10_000);
  assert(detector.isAvailable(10_000));
});

Deno.test("at most maxSamples samples are kept, the newest ones", () => {
  const detector = new PhiAccrualDetector({ ...reference, maxSamples: 10 }, 0);
  let now = 0;
  for (let i = 0; i < 100; i++) detector.heartbeat(now += 100);
  for (let i = 0; i < 10; i++) detector.heartbeat(now += 110);
  assertEquals(detector.samples, 10);
  const fresh = new PhiAccrualDetector({ ...reference, maxSamples: 10 }, 0);
  for (let i = 1; i <= 10; i++) fresh.heartbeat(i * 110);
  for (const silence of [50, 110, 300, 600]) {
    assertAlmostEquals(detector.phi(now + silence), fresh.phi(1_100 + silence), 1e-9);
  }
});

Deno.test("user traffic resets the silence but does not shorten the mean interval", () => {
  const options = { minSampleInterval: 500 };
  const detector = new PhiAccrualDetector(options, 0);
  for (let now = 1; now <= 10_000; now++) detector.heartbeat(now);
  assertEquals(detector.lastHeard, 10_000);
  assert(detector.samples <= 20);
  assert(detector.isAvailable(10_000 + 4_000));
});

Deno.test("the end of an outage is no sample", () => {
  const { detector, last } = regular(1_000, {});
  const { samples } = detector;
  detector.heartbeat(last + 60_000);
  assertEquals(detector.samples, samples);
  assert(!detector.isAvailable(last + 60_000 + 5_200));
});

Deno.test("silence during a local stall is excused, and no more than that", () => {
  const { detector, last } = regular(1_000, {});
  const now = last + 20_000;
  detector.excuse(19_500, now);
  assert(detector.isAvailable(now));
  assert(!detector.isAvailable(now + 5_000));
  detector.excuse(1e9, now);
  assertEquals(detector.lastHeard, now);
});

Deno.test("a member is available exactly while phi is below the threshold", () => {
  for (const threshold of [0.1, 0.301, 0.303, 1, 8]) {
    for (const count of [0, 1, 10]) {
      const { detector, last } = regular(1_000, { threshold }, count);
      for (let silence = 0; silence < 10_000; silence += 7) {
        const now = last + silence;
        assertEquals(detector.isAvailable(now), detector.phi(now) < threshold, `${silence} ms`);
      }
    }
  }
});
