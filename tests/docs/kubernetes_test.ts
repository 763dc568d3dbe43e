/**
 * The manifests of examples/kubernetes against the schemas of Kubernetes and cert-manager, and against
 * the defaults of the options.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Certificate, Issuer } from "@kubernetes-models/cert-manager/cert-manager.io/v1";
import { StatefulSet } from "kubernetes-models/apps/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { Role, RoleBinding } from "kubernetes-models/rbac.authorization.k8s.io/v1";
import { Namespace, Service, ServiceAccount } from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { actorSystemDefaults } from "../../lib/options/tables/actor_tables.ts";
import { parseOwnUri } from "../../lib/x509/identity.ts";

const folder = new URL("../../examples/kubernetes/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, folder));

/** A manifest, of any kind. */
type Manifest = Record<string, unknown> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // deno-lint-ignore no-explicit-any -- each kind has another shape
  readonly spec: any;
};

const { resources }: { resources: string[] } = parse(read("kustomization.yaml"));
// The lease is for those who choose that strategy of downing.
const manifests = [...resources, "lease.yaml"].flatMap((name) =>
  parseAllDocuments(read(name)).map((document) => {
    assertEquals(document.errors, []);
    return document.toJS() as Manifest;
  })
);
const models: Readonly<
  Record<string, new (data: never) => { validate(): void }>
> = {
  Certificate,
  Issuer,
  Namespace,
  NetworkPolicy,
  PodDisruptionBudget,
  Role,
  RoleBinding,
  Service,
  ServiceAccount,
  StatefulSet,
};

const of = (kind: string, name = "casty") =>
  manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)!;
const stateful = of("StatefulSet").spec;
const [container] = stateful.template.spec.containers;

Deno.test("the image and the manifests set what docs/production.md says of busy sockets", () => {
  const name = "DENO_TOKIO_EVENT_INTERVAL";
  const root = (file: string) => Deno.readTextFileSync(new URL(`../../${file}`, import.meta.url));
  const [, said] = new RegExp(`- \`${name}=(\\d+)\``).exec(root("docs/production.md"))!;
  assertEquals(new RegExp(`^ENV ${name}=(\\d+)$`, "m").exec(root("Dockerfile"))![1], said);
  const variable = container.env.find((one: { name: string }) => one.name === name);
  assertEquals(variable, { name, value: said });
});

Deno.test("the manifests match the schemas of Kubernetes and cert-manager", () => {
  for (const manifest of manifests) {
    const Model = models[manifest.kind];
    assert(Model !== undefined, `no schema for ${manifest.kind}`);
    const model = new Model(manifest as never) as unknown as Manifest & { validate(): void };
    assertEquals(model.apiVersion, manifest.apiVersion);
    model.validate();
  }
  assertEquals(manifests.length, 13);
  const broken = structuredClone(of("StatefulSet"));
  broken.spec.template.spec.containers[0].ports[0].containerPort = "one";
  assertThrows(() => new StatefulSet(broken as never).validate());
});

Deno.test("the manifests have no field that the types of their kinds do not know", async () => {
  const modules: Record<string, string> = {
    Certificate: "@kubernetes-models/cert-manager/cert-manager.io/v1",
    Issuer: "@kubernetes-models/cert-manager/cert-manager.io/v1",
    StatefulSet: "kubernetes-models/apps/v1",
    NetworkPolicy: "kubernetes-models/networking.k8s.io/v1",
    PodDisruptionBudget: "kubernetes-models/policy/v1",
    Namespace: "kubernetes-models/v1",
    Role: "kubernetes-models/rbac.authorization.k8s.io/v1",
    RoleBinding: "kubernetes-models/rbac.authorization.k8s.io/v1",
    ServiceAccount: "kubernetes-models/v1",
    Service: "kubernetes-models/v1",
  };
  const broken = structuredClone(of("StatefulSet"));
  broken.spec.template.spec.containers[0].readynessProbe = {};
  const program = [...manifests, broken].map((manifest, at) =>
    `import type { I${manifest.kind} as T${at} } from "${modules[manifest.kind]}";\n` +
    (manifest === broken
      ? "// @ts-expect-error -- so that the types are seen to refuse it\n"
      : "") +
    `export const m${at}: T${at} = ${JSON.stringify(manifest)};`
  ).join("\n");
  // Beside this file, for the import map of the project.
  const file = new URL(`./kubernetes_manifests_${Deno.pid}.ts`, import.meta.url);
  Deno.writeTextFileSync(file, program);
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", file.pathname],
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("nodes find each other by the names that their certificate and their service have", () => {
  const { name, namespace } = of("Service").metadata;
  const domain = `${name}.${namespace}.svc.cluster.local`;
  assertEquals(stateful.serviceName, name);
  assertEquals(of("Service").spec.clusterIP, "None");
  assertEquals(of("Service").spec.publishNotReadyAddresses, true);
  const env = new Map(container.env.map((each: { name: string; value?: string }) => [
    each.name,
    each.value,
  ]));
  assertEquals(env.get("DOMAIN"), domain);
  const { dnsNames, secretName, usages } = of("Certificate").spec;
  assertEquals(dnsNames, [`*.${domain}`]);
  assert(usages.includes("server auth") && usages.includes("client auth"));
  const [volume] = stateful.template.spec.volumes;
  assertEquals(volume.secret.secretName, secretName);
  assertEquals(volume.secret.defaultMode, 0o440);
  // Pods listen before they are ready, so all start together; three seeds are a majority of two.
  assertEquals(stateful.podManagementPolicy, "Parallel");
  assertEquals(stateful.replicas, 3);
  const program = read("node.ts");
  assert(program.includes("seedNodes: [0, 1, 2].map("));
  assert(program.includes("watch: true") && program.includes("stopOnSignals: true"));
});

Deno.test("the certificates of the manifests make nodes and clients by the default mapping", () => {
  const identity = (name: string) => parseOwnUri(of("Certificate", name).spec.uris[0])?.kind;
  assertEquals(identity("casty"), "node");
  assertEquals(identity("casty-client"), "client");
});

Deno.test("the probes of the manifests fit the options and the health handler", () => {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  assertEquals(
    [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet.path),
    ["/startup", "/ready", "/live"],
  );
  assert(livenessProbe.periodSeconds * livenessProbe.failureThreshold >= 60);
  const grace = stateful.template.spec.terminationGracePeriodSeconds * 1_000;
  assert(grace >= actorSystemDefaults.shutdownBudget + 10_000);
  assertEquals(of("PodDisruptionBudget").spec.maxUnavailable, 1);
  for (
    const flag of ["--allow-net", "--allow-read=/etc/casty,/app/lib", "--allow-env=POD,DOMAIN"]
  ) {
    assert(container.args.includes(flag), flag);
  }
  // The image has what the program needs.
  const image = Deno.readTextFileSync(new URL("../../Dockerfile", folder));
  assert(image.includes(container.args.at(-1)), "Dockerfile caches the program of the pods");
});
