import { holderKey } from "../../../lib/sharding/lease/lease_config.ts";
import type { LeaseNode } from "./lease_node.ts";
import { LeaseWorld, Violation, type WorldOptions } from "./lease_world.ts";

/** How long after the last fault the cluster must be healthy. */
const recoveryTime = 20_000;

/** Runs one seed: faults of all kinds, then none, until all shards are owned again. */
export function runSeed(seed: number, options: WorldOptions = {}): LeaseWorld {
  const world = new LeaseWorld(seed, options);
  try {
    world.loss = world.pick([0, 0, 0.01, 0.1]);
    world.duplicates = world.pick([0, 0.05, 0.3]);
    world.late = world.pick([0, 0, 0.02, 0.1]);
    // Some begin in peace, so that all hold leases before the first fault.
    world.calm = world.random.next() < 0.7;
    world.runUntil(world.calm ? 2_500 : 0);
    world.calm = false;
    if (seed % 3 === 0) isolate(world);
    else faults(world);
    recover(world);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    throw new Violation(`seed ${seed}: ${error.message}`, { cause: error });
  }
  return world;
}

/** Faults of all kinds, in quick succession. */
function faults(world: LeaseWorld): void {
  const end = world.time + 4_000 + world.int(6_000);
  const rate = world.pick([300, 800, 2_000]);
  while (world.time < end) {
    fault(world);
    world.runUntil(world.time + world.random.next() * rate);
  }
}

/**
 * Nobody ends; nodes are cut off for so long that their shards are granted anew, and come back, while
 * coordinators change.
 */
function isolate(world: LeaseWorld): void {
  world.loss = world.pick([0, 0.1, 0.4]);
  world.late = world.pick([0, 0.1, 0.4]);
  const end = world.time + 8_000 + world.int(6_000);
  while (world.time < end) {
    const kind = world.int(5);
    const node = world.pick(world.living());
    if (kind < 2) cutOff(world, node);
    else if (kind === 2) partition(world);
    else world.cut.clear();
    if (world.random.next() < 0.3) node.usurpsUntil = world.time + 500 + world.int(2_000);
    const isLong = world.cut.size > 0 && world.random.next() < 0.7;
    world.runUntil(world.time + (isLong ? 2_000 + world.int(1_500) : world.int(800)));
  }
}

function cutOff(world: LeaseWorld, node: LeaseNode): void {
  world.cut.clear();
  for (const { id: { address } } of world.nodes) {
    if (address === node.id.address) continue;
    world.cut.add(`${address}>${node.id.address}`);
    world.cut.add(`${node.id.address}>${address}`);
  }
}

function recover(world: LeaseWorld): void {
  world.calm = true;
  world.cut.clear();
  for (const node of world.living()) {
    node.pausedUntil = Math.min(node.pausedUntil, world.time);
    world.pause(node, 0);
  }
  const end = world.time + recoveryTime;
  let checkedAt = 0;
  world.runUntil(end, () => {
    if (world.time - checkedAt < 250) return false;
    checkedAt = world.time;
    return world.unhealthy() === undefined;
  });
  const what = world.unhealthy();
  if (what !== undefined) throw new Violation(`not healthy after ${recoveryTime} ms: ${what}`);
}

function fault(world: LeaseWorld): void {
  const lasting = world.lasting();
  const node = world.pick(lasting);
  const kind = world.int(14);
  if (kind < 4) return partition(world);
  if (kind === 4) return world.cut.clear();
  if (kind === 5) return world.pause(node, world.pick([400, 2_000, 5_000, 60_000]));
  if (kind === 6) return world.suspend(node, world.pick([20, 45, 400, 2_500, 6_000]));
  if (kind === 7) {
    node.usurpsUntil = world.time + 500 + world.int(3_000);
    return;
  }
  if (kind === 8) return crash(world, node);
  if (kind === 9) return restart(world);
  if (kind === 10) return leave(world, node);
  if (kind === 11 && lasting.length > 2 && world.random.next() < 0.5) return world.down(node);
  if (kind === 12) return oneWay(world, node);
}

/** Two or three sides, or one link. */
function partition(world: LeaseWorld): void {
  world.cut.clear();
  const sides = 2 + world.int(2);
  const side = new Map<string, number>();
  for (const { id } of world.nodes) side.set(id.address, world.int(sides));
  for (const [from, a] of side) {
    for (const [to, b] of side) if (a !== b) world.cut.add(`${from}>${to}`);
  }
}

function oneWay(world: LeaseWorld, node: LeaseNode): void {
  const inbound = world.random.next() < 0.5;
  for (const { id } of world.nodes) {
    if (id.address === node.id.address || world.random.next() < 0.3) continue;
    const [from, to] = inbound ? [id.address, node.id.address] : [node.id.address, id.address];
    world.cut.add(`${from}>${to}`);
  }
}

function crash(world: LeaseWorld, node: LeaseNode): void {
  if (world.lasting().length < 2) return;
  world.remove(node);
  if (world.random.next() < 0.7) {
    world.at(world.time + world.int(1_500), () => startAgain(world, node.id.address));
  }
}

function restart(world: LeaseWorld): void {
  const running = new Set(world.living().map(({ id }) => id.address));
  const ended = world.nodes.map(({ id }) => id.address).filter((address) => !running.has(address));
  if (ended.length > 0) startAgain(world, world.pick(ended));
}

function startAgain(world: LeaseWorld, address: string): void {
  if (!world.living().some(({ id }) => id.address === address)) world.start(address);
}

function leave(world: LeaseWorld, node: LeaseNode): void {
  if (world.lasting().filter(({ retiring }) => !retiring).length < 2) return;
  node.retiring = true;
  world.at(world.time + 5_000, () => {
    if (node.alive && node.retiring && world.lasting().length > 1) world.remove(node);
  });
}

/** For a look at one seed. */
export function describeNodes(world: LeaseWorld): string {
  return world.living().map((node) => {
    const config = node.voter.adopted;
    return `${holderKey(node.id)} leads=${node.coordinator.leads} term=${node.acknowledged} ` +
      `view=${node.members().map(holderKey)} up=${node.upMembers().map(holderKey)} ` +
      `holds=${node.holder.holds(node.now)} admitted=${node.holder.admitted} ` +
      `config=${config && JSON.stringify(config)} shards=${[...node.shards]}`;
  }).join("\n");
}
