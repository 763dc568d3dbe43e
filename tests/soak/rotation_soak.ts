/**
 * Replaces authority and certificates of a running cluster every second, under load, and fails
 * when a message is lost.
 *
 *     deno task soak:rotation [SECONDS]
 *
 * @module
 */
import { RotationScene } from "./rotation_scene.ts";

const seconds = Number(Deno.args[0] ?? 60);
const end = performance.now() + seconds * 1_000;
await using scene = await RotationScene.start();
let rotations = 0;
while (performance.now() < end) {
  const next = performance.now() + 1_000;
  await scene.rotate();
  rotations++;
  const pause = Math.max(0, next - performance.now());
  await new Promise((resolve) => setTimeout(resolve, pause));
}
await scene.finish();
console.log(`${rotations} rotations, ${scene.sent} messages, none lost`);
