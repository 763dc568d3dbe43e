import type { AdminClient } from "../../admin/admin_client.ts";
import type { Explanation } from "../../admin/explanation/explanation.ts";
import { parseTopic } from "../../admin/explanation/topic.ts";
import { AdminError } from "../../admin/errors.ts";
import { UsageError } from "../../cert/cli/command_arguments.ts";
import { adminCommand } from "./admin_command.ts";
import { nodeHelp, nodeOf } from "./node_argument.ts";

const usage = `Why something is as it is: facts, and what you can do.

Examples:
  deno run -A cli.ts why shard carts/17 --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts why entity carts/alice --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts why member node-2:25520 --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts why convergence --contact node-1:25520 --system shop --tls certs/alice

Topics:
  shard TYPE/NUMBER     who owns it, and what keeps it from running
  entity TYPE/ID        where its messages go
  ask TYPE/ID           why asks of the entity fail or wait
  member ADDRESS        its status and reachability, by address or label
  joining, convergence, reachability, downing, sharding, replication, store, certificates
  or the name of an extension of the nodes

Nodes that know more about it, such as the coordinator and the owner, are asked as well.
Fails (1) if a node names a problem.

Options:
${nodeHelp}  --only                ask one node only
`;

/** Nodes that are asked in all. */
const maxNodes = 4;

interface Answer {
  readonly node: string;
  readonly explanation?: Explanation;
  readonly problem?: string;
}

/** `why`. */
export const whyCommand = adminCommand({
  name: "why",
  summary: "explain a shard, entity, member, ask, or a topic: facts and next steps",
  usage,
  options: { texts: ["node"], switches: ["only"] },
  check(args) {
    const [kind] = args.positional;
    if (kind === undefined) throw new UsageError("name a topic, such as: why shard carts/17");
    // A topic of one word may be that of an extension, which only the nodes know.
    if (args.positional.length > 1) topicOf(args.positional);
    else if (kind.includes("/")) {
      throw new UsageError(`say what ${kind} is: shard ${kind}, entity ${kind} or ask ${kind}`);
    }
  },
  async run(client, args) {
    const topic = args.positional.join(" ");
    const first = await nodeOf(client, args);
    const answers: Answer[] = [{ node: first, explanation: await client.explain(first, topic) }];
    if (!args.on("only")) await askFurther(client, topic, answers);
    const ok = answers.every(({ explanation, problem }) =>
      problem === undefined && explanation?.ok !== false
    );
    return { ok, text: answers.map(answerText).join("\n"), json: { topic, ok, answers } };
  },
});

function topicOf(words: readonly string[]): void {
  try {
    parseTopic(words.join(" "));
  } catch (error) {
    if (error instanceof AdminError) throw new UsageError(error.message);
    throw error;
  }
}

/** Asks the nodes that others have named, each once. */
async function askFurther(
  client: AdminClient,
  topic: string,
  answers: Answer[],
): Promise<void> {
  for (let index = 0; index < answers.length && answers.length < maxNodes; index++) {
    for (const node of answers[index]!.explanation?.askAlso ?? []) {
      if (answers.length >= maxNodes || answers.some((answer) => answer.node === node)) continue;
      try {
        answers.push({ node, explanation: await client.explain(node, topic) });
      } catch (error) {
        answers.push({ node, problem: error instanceof Error ? error.message : String(error) });
      }
    }
  }
}

function answerText({ node, explanation, problem }: Answer): string {
  if (explanation === undefined) return `${node}\n  no answer: ${problem}\n`;
  const { summary, facts, nextSteps, ok } = explanation;
  const more = facts.filter((fact) => fact !== summary);
  return [
    `${node}`,
    `  ${ok ? "ok" : "PROBLEM"}: ${summary}`,
    ...more.map((fact) => `  - ${fact}`),
    ...nextSteps.map((step, index) => `  ${index === 0 ? "next:" : "     "} ${step}`),
    "",
  ].join("\n");
}
