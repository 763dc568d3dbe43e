/**
 * Explanations of a whole cluster, as one node sees it.
 *
 * @module
 */
import type { ClusterState } from "../../cluster/node/cluster_state.ts";
import type { ExplainPort } from "./explain_port.ts";
import { type Explanation, explanation } from "./explanation.ts";
import type { ClusterTopic } from "./topic.ts";

const day = 86_400_000;
/** A certificate that ends sooner is named as a problem. */
const soon = 7 * day;
/** Members that are named in the next steps. */
const maxNamed = 5;

const explainers: Readonly<Record<ClusterTopic, (port: ExplainPort) => Explanation>> = {
  joining: explainJoining,
  convergence: explainConvergence,
  reachability: explainReachability,
  downing: explainDowning,
  sharding: explainSharding,
  replication: explainReplication,
  store: explainStore,
  certificates: explainCertificates,
};

/** Explains a topic about a whole cluster. */
export function explainCluster(port: ExplainPort, topic: ClusterTopic): Explanation {
  return explainers[topic](port);
}

/** The sentences of an extension about itself, and whether it works. */
export function explainExtension(port: ExplainPort, topic: string): Explanation {
  const facts = port.sentences(topic);
  const health = port.health().extensions[topic];
  const ok = health?.healthy ?? true;
  return explanation(topic, ok, ok ? `${topic} works at this node` : health!.reason ?? "", {
    facts,
  });
}

function explainJoining(port: ExplainPort): Explanation {
  const { self, clusterId, unreachable } = port.state();
  const facts = port.sentences("joining");
  const ok = self.status === "up";
  const nextSteps: string[] = [];
  if (clusterId === undefined && self.status === "joining") {
    nextSteps.push(
      "check that the seeds run, that their ports can be reached from this host, and that " +
        "`name` and `seedNodes` are the same on all nodes",
      "if a certificate is refused: casty cert doctor THIS_NODE_FOLDER SEED_FOLDER",
    );
  } else if (self.status === "down") {
    nextSteps.push("restart the node, or call rejoin(): it joins with a new incarnation");
  } else if (!ok && unreachable.length > 0) nextSteps.push(...membersSteps(unreachable));
  else if (!ok) nextSteps.push("casty why convergence");
  return explanation("joining", ok, facts[0] ?? `this node is ${self.status}`, {
    facts,
    nextSteps,
  });
}

function explainConvergence(port: ExplainPort): Explanation {
  const { converged, missing, unreachable, leader } = port.state();
  const facts = port.sentences("convergence");
  const blocking = missing.length > 0 ? missing : unreachable;
  return explanation("convergence", converged, facts[0]!, {
    facts,
    nextSteps: converged ? [] : membersSteps(blocking),
    askAlso: leader === undefined ? [] : [leader],
  });
}

function explainReachability(port: ExplainPort): Explanation {
  const { unreachable } = port.state();
  const facts = port.sentences("reachability");
  const ok = unreachable.length === 0;
  const summary = ok
    ? "all members are reachable"
    : `${unreachable.length} of the members are unreachable: ${named(unreachable)}`;
  return explanation("reachability", ok, summary, { facts, nextSteps: membersSteps(unreachable) });
}

function explainDowning(port: ExplainPort): Explanation {
  const { unreachable, members, leader } = port.state();
  const facts = port.sentences("downing");
  const down = members.filter(({ status }) => status === "down");
  const ok = unreachable.length === 0 && down.length === 0;
  const nextSteps = unreachable.length === 0 ? [] : [
    "wait for the decision, if a time is named above",
    `if the process there has certainly ended: ${
      unreachable.slice(0, maxNamed).map((one) => `casty down ${one}`).join(", ")
    }`,
  ];
  if (down.length > 0) {
    nextSteps.push("a member that is down restarts to join again; see its own log");
  }
  return explanation("downing", ok, facts[0]!, {
    facts,
    nextSteps,
    askAlso: leader === undefined ? [] : [leader],
  });
}

function explainSharding(port: ExplainPort): Explanation {
  const { healthy, reason } = port.health().extensions.sharding ?? { healthy: true };
  const { leader } = port.state();
  const nextSteps = healthy
    ? []
    : leader === undefined
    ? ["casty why joining", "casty why reachability: without a leader no shard is granted"]
    : ["casty why reachability: the node needs a majority of the voters for its lease"];
  return explanation(
    "sharding",
    healthy,
    healthy ? "this node has a coordinator, and what it owns runs" : reason ?? "unhealthy",
    {
      facts: port.sentences("sharding"),
      nextSteps,
      askAlso: leader === undefined ? [] : [leader],
    },
  );
}

function explainReplication(port: ExplainPort): Explanation {
  const waiting = port.copies().filter(({ open }) => !open);
  const lagging = port.copies().filter(({ open, copies }) =>
    open && copies.some(({ inSync }) => !inSync)
  );
  const ok = waiting.length === 0 && lagging.length === 0;
  const summary = waiting.length > 0
    ? `${waiting.length} replicated shards of this node take no writes`
    : lagging.length > 0
    ? `${lagging.length} replicated shards of this node have copies that do not count yet`
    : "all replicated shards of this node take writes, and all of their copies count";
  const nextSteps = waiting.length > 0
    ? [
      ...waiting.slice(0, maxNamed).map(({ shardType, shard }) =>
        `casty why shard ${shardType}/${shard}`
      ),
      "start the nodes that have the copies; if one and its disk are lost for good: " +
      "system.replication.retire(address) at all nodes",
    ]
    : [];
  return explanation("replication", ok, summary, {
    facts: port.sentences("replication"),
    nextSteps,
  });
}

function explainStore(port: ExplainPort): Explanation {
  const store = port.health().extensions.store;
  const journal = store?.details?.journal;
  if (journal === undefined) {
    return explanation("store", true, "this node has no journal (option persistence)");
  }
  if (store!.healthy) return explanation("store", true, `the journal ${journal} takes calls`);
  return explanation("store", false, `the journal ${journal} refuses calls: ${store!.reason}`, {
    nextSteps: [
      "make the store reachable again: durable actors go on by themselves then, and asks fail with " +
      "storeUnavailable until then",
      "see docs/persistence.md and the log of the node",
    ],
  });
}

function explainCertificates(port: ExplainPort): Explanation {
  const own = port.certificate();
  if (own === undefined) {
    return explanation("certificates", false, "this node runs without TLS", {
      nextSteps: ["set the option tls: any host that reaches the port can join (SECURITY.md)"],
    });
  }
  const left = own.notAfter - port.wallTime();
  const until = new Date(own.notAfter).toISOString();
  const facts = [`the certificate of ${own.identity} is valid until ${until}`];
  if (left >= soon) {
    return explanation("certificates", true, `${facts[0]}, ${days(left)} from now`, { facts });
  }
  const summary = left < 0
    ? `the certificate of ${own.identity} has expired on ${until}`
    : `the certificate of ${own.identity} expires in ${days(left)}, on ${until}`;
  return explanation("certificates", false, summary, {
    facts,
    nextSteps: [
      "casty cert renew NODE_FOLDER/node.crt --ca-dir CA_FOLDER, and copy both files to the node",
      "with `watch: true` in TlsConfig.fromPaths the node loads them by itself, otherwise restart it",
    ],
  });
}

function membersSteps(addresses: readonly string[]): string[] {
  return addresses.slice(0, maxNamed).map((address) => `casty why member ${address}`);
}

function named(addresses: ClusterState["unreachable"]): string {
  const more = addresses.length - maxNamed;
  return addresses.slice(0, maxNamed).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function days(ms: number): string {
  return ms < 2 * day ? `${Math.floor(ms / 3_600_000)} hours` : `${Math.floor(ms / day)} days`;
}
