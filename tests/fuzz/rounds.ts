import { Attack, budget } from "./attack.ts";
import { isOfBad, Lab } from "./lab.ts";

/** How much longer than without bad peers something may take after they are gone: the factor, and ms. */
const slack = { factor: 2, add: 15_000 };
/** Lines that one node may log in a minute, of which 250 may be caused by peers. */
const maxLines = 300;
/** Milliseconds that a message of a bad peer may take on average. */
const averageBudget = 0.5;
/** Messages of honest nodes for each one of a bad peer, besides their own. */
const maxAnswers = 3;

/** How long the others take for things once the bad peers are gone, virtual milliseconds. */
interface Times {
  readonly agreed: number;
  readonly joined: number;
  readonly left: number;
}

/** What one round has found. */
export interface RoundReport {
  readonly faults: readonly string[];
  readonly cost: Attack["cost"];
  readonly times: Times | undefined;
  readonly sent: ReadonlyMap<string, number>;
  readonly asMember: number;
}

/** The times without any attack, and what the nodes send meanwhile. */
let control: Promise<{ times: Times; sentIn: (ms: number) => number }> | undefined;

/**
 * One cluster, one attack. The same seed does the same again, so a message that was slow is measured
 * twice more: the machine may have been busy, or have collected garbage.
 */
export async function fuzzRound(seed: number, messages: number): Promise<RoundReport> {
  const report = await oneRound(seed, messages);
  let slow = [...report.cost.slow];
  for (let again = 0; again < 2 && slow.length > 0; again++) {
    const { cost } = await oneRound(seed, messages);
    slow = slow.filter(([number]) => cost.slow.has(number));
  }
  const tooSlow = slow.map(([, line]) => `more than ${budget} ms for a message: ${line}`);
  return { ...report, faults: [...report.faults, ...tooSlow] };
}

async function oneRound(seed: number, messages: number): Promise<RoundReport> {
  const { times: usual, sentIn } = await (control ??= controlRun());
  const lab = new Lab(seed);
  const attack = new Attack(lab, seed);
  const faults: string[] = [];
  const stop = attack.record();
  let times: Times | undefined;
  try {
    await lab.open();
    const begin = lab.clock.now();
    const before = attack.answers;
    await attack.run(messages);
    const answers = attack.answers - before - sentIn(lab.clock.now() - begin);
    if (answers > maxAnswers * messages) faults.push(`${answers} messages answer ${messages}`);
    times = await aftermath(lab, usual, faults);
  } catch (error) {
    faults.push(error instanceof Error ? error.stack ?? error.message : String(error));
    faults.push(lab.describe());
  } finally {
    stop();
  }
  faults.push(...attack.endless, ...loudMinutes(lab), ...foreignDials(lab));
  const average = attack.cost.total / Math.max(1, attack.cost.handled);
  if (average > averageBudget) faults.push(`${average.toFixed(2)} ms for each message`);
  return { faults, cost: attack.cost, times, sent: attack.sent, asMember: attack.asMember };
}

/** The bad peers vanish: everything works as it did before they came. */
async function aftermath(lab: Lab, usual: Times | undefined, faults: string[]): Promise<Times> {
  const { clock } = lab;
  const within = (name: keyof Times, took: number) => {
    if (usual !== undefined && took > usual[name] * slack.factor + slack.add) {
      faults.push(`${name} took ${took} ms, and ${usual[name]} ms without bad peers`);
    }
    return took;
  };
  const expect = async (what: string, nodes = lab.nodes) => {
    const answers = await lab.answers(nodes);
    const expected = lab.expectedAnswers(nodes);
    if (answers !== expected) faults.push(`${what}: ${answers} of ${expected} asks are answered`);
    const ofRooms = await lab.faultsOfRooms(what, nodes);
    faults.push(...ofRooms.map((fault) => `${what}: ${fault}`));
  };
  lab.remove();
  let begin = clock.now();
  const agreed = await clock.advanceUntil(() => lab.agree(), 180_000);
  if (!agreed) throw new Error(`the others do not agree:\n${lab.describe()}`);
  const agreedAfter = within("agreed", clock.now() - begin);
  // Longer than the back-off of an entity whose handler has failed.
  await clock.advance(12_000);
  await expect("after the bad peers");
  begin = clock.now();
  const late = await lab.join();
  const all = [...lab.nodes, late];
  await clock.advanceUntil(() => lab.agree(all), 60_000);
  const joinedAfter = within("joined", clock.now() - begin);
  await clock.advance(5_000);
  await expect("with a new node", all);
  begin = clock.now();
  await clock.resolve(lab.nodes[1]!.system.shutdown(), 120_000);
  const rest = all.filter((node) => node !== lab.nodes[1]);
  await clock.advanceUntil(() => lab.agree(rest), 60_000);
  const leftAfter = within("left", clock.now() - begin);
  await clock.advance(3_000);
  await expect("after one has left", rest);
  if (!lab.agree(rest)) throw new Error(`the rest does not agree:\n${lab.describe(rest)}`);
  await lab.close(rest);
  return { agreed: agreedAfter, joined: joinedAfter, left: leftAfter };
}

async function controlRun() {
  const lab = new Lab(0);
  const attack = new Attack(lab, 0);
  const stop = attack.record();
  try {
    await lab.open();
    const before = attack.answers;
    await lab.clock.advance(20_000);
    const perMs = (attack.answers - before) / 20_000;
    const faults: string[] = [];
    const times = await aftermath(lab, undefined, faults);
    if (faults.length > 0) throw new Error(`without bad peers: ${faults.join("; ")}`);
    const loud = loudMinutes(lab);
    if (loud.length > 0) throw new Error(`without bad peers: ${loud.join("; ")}`);
    return { times, sentIn: (ms: number) => ms * perMs };
  } finally {
    stop();
  }
}

/** Minutes in which a node has logged too much. */
function loudMinutes(lab: Lab): string[] {
  const minutes = new Map<string, string[]>();
  for (const { at, host, message } of lab.lines) {
    const key = `${host} in minute ${Math.floor(at / 60_000)}`;
    const lines = minutes.get(key) ?? [];
    lines.push(message);
    minutes.set(key, lines);
  }
  return [...minutes].filter(([, lines]) => lines.length > maxLines).slice(0, 3).map(
    ([key, lines]) => `${lines.length} log lines: ${key}: ${[...new Set(lines)].join(", ")}`,
  );
}

/** Honest nodes dial members only, and what a member has named. */
function foreignDials(lab: Lab): string[] {
  const dials = lab.trace.filter((line) => /^(node-\d|late):\d+ > .* dial$/.test(line))
    .map((line) => line.split(" > ")[1]!.split(" ")[0]!);
  const others = new Set(
    dials.filter((to) => !/^(node-\d|late):25520$/.test(to) && !isOfBad(to) && !/^x\d:1$/.test(to)),
  );
  return [...others].slice(0, 5).map((to) => `a node dials ${to}`);
}
