import { assert, assertEquals, assertRejects } from "@std/assert";
import { Lease as LeaseModel } from "kubernetes-models/coordination.k8s.io/v1";
import { ClusterError, kubernetesLease } from "../../mod.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { type Storage, StorageError } from "../../lib/runtime/storage.ts";

// deno-lint-ignore no-explicit-any -- objects of Kubernetes
type Stored = any;

/** The leases of an API server: a change must name the version that it changes. */
class ApiServer {
  readonly objects = new Map<string, Stored>();
  readonly requests: string[] = [];
  failing: number | undefined;
  #version = 0;

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    await Promise.resolve();
    const { pathname } = new URL(url);
    const method = init.method!;
    this.requests.push(`${method} ${pathname} ${new Headers(init.headers).get("authorization")}`);
    if (this.failing !== undefined) return new Response(null, { status: this.failing });
    const [, name] = /\/namespaces\/shop\/leases\/?(.*)$/.exec(pathname) ?? [];
    assert(name !== undefined, pathname);
    if (method === "GET") {
      const found = this.objects.get(name);
      return found ? Response.json(found) : new Response(null, { status: 404 });
    }
    const object = JSON.parse(String(init.body));
    new LeaseModel(object).validate();
    const before = this.objects.get(object.metadata.name);
    if (method === "POST" && before !== undefined) return new Response(null, { status: 409 });
    if (method === "PUT" && before === undefined) return new Response(null, { status: 404 });
    if (method === "PUT" && before.metadata.resourceVersion !== object.metadata.resourceVersion) {
      return new Response(null, { status: 409 });
    }
    object.metadata.resourceVersion = String(++this.#version);
    this.objects.set(object.metadata.name, object);
    return Response.json(object, { status: method === "POST" ? 201 : 200 });
  };
}

function leases(server: ApiServer, clock = new ManualClock({ epoch: 1_000_000 })) {
  const make = () =>
    kubernetesLease({
      name: "downing",
      namespace: "shop",
      token: () => "secret",
      fetch: server.fetch,
      clock,
    });
  return { clock, one: make(), two: make() };
}

Deno.test("one node gets the lease, until it expires or is released", async () => {
  const server = new ApiServer();
  const { clock, one, two } = leases(server);
  assertEquals(await one.acquire("one"), { granted: true, token: 1 });
  assertEquals(await two.acquire("two"), { granted: false, holder: "one" });
  assertEquals(await one.acquire("one"), { granted: true, token: 1 });
  await clock.advance(120_001);
  assertEquals(await two.acquire("two"), { granted: true, token: 2 });
  await two.release("two");
  assertEquals(await one.acquire("one"), { granted: true, token: 3 });
  const { spec, metadata } = server.objects.get("downing");
  assertEquals([spec.holderIdentity, spec.leaseTransitions], ["one", 3]);
  assert(metadata.annotations["casty/lease"].includes('"token":3'));
  assert(server.requests.every((request) => request.endsWith("Bearer secret")));
});

Deno.test("of nodes that ask at once, one gets the lease", async () => {
  for (let round = 0; round < 20; round++) {
    const server = new ApiServer();
    const { one, two } = leases(server);
    const answers = await Promise.all([one.acquire("one"), two.acquire("two")]);
    assertEquals(answers.filter(({ granted }) => granted).length, 1);
  }
});

Deno.test("a change keeps what others have written to the object", async () => {
  const server = new ApiServer();
  const { one } = leases(server);
  await one.acquire("one");
  const object = server.objects.get("downing");
  object.metadata.labels = { team: "shop" };
  object.metadata.annotations.note = "hello";
  await one.acquire("one");
  const { labels, annotations } = server.objects.get("downing").metadata;
  assertEquals([labels, annotations.note], [{ team: "shop" }, "hello"]);
});

Deno.test("an API server that refuses or does not answer makes the lease unusable", async () => {
  const server = new ApiServer();
  const { one } = leases(server);
  const refusal = async () => {
    const error = await assertRejects(() => one.acquire("one"), ClusterError);
    assertEquals(error.code, "leaseUnusable");
    return error.message;
  };
  server.failing = 403;
  assert((await refusal()).includes("status 403"));
  server.failing = undefined;
  server.objects.set("downing", {
    metadata: { resourceVersion: "1", annotations: { "casty/lease": "{}" } },
  });
  assert((await refusal()).includes("is no lease of ours"));
  server.objects.set("downing", { items: [] });
  assert((await refusal()).includes("is no lease"));
  const silent = kubernetesLease({
    name: "downing",
    namespace: "shop",
    token: () => "secret",
    fetch: () => Promise.reject(new TypeError("connection refused")),
  });
  const error = await assertRejects(() => silent.acquire("one"), ClusterError);
  assert(error.message.includes("does not answer") && error.cause instanceof TypeError);
});

Deno.test("namespace and token are those of the pod, and read for each request", async () => {
  const server = new ApiServer();
  const files = new Map<string, string>();
  const storage = {
    read: (path: string) =>
      files.has(path)
        ? Promise.resolve(new TextEncoder().encode(files.get(path)))
        : Promise.reject(new StorageError("notFound", path)),
  } as Storage;
  const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  const lease = kubernetesLease({ name: "downing", fetch: server.fetch })
    .bind!({ clock: new ManualClock({ epoch: 1 }), storage });
  await assertRejects(() => lease.acquire("one"), ClusterError, `${folder}/namespace`);
  const write = (name: string, text: string) => files.set(`${folder}/${name}`, text);
  write("namespace", "shop");
  write("token", "first\n");
  assertEquals((await lease.acquire("one")).granted, true);
  assert(server.requests.at(-1)!.endsWith("Bearer first"));
  write("token", "second\n");
  assertEquals((await lease.acquire("one")).granted, true);
  assert(server.requests.at(-1)!.endsWith("Bearer second"));
});
