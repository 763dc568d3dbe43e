import { resolveOptions } from "../../options/check_options.ts";
import { kubernetesLeaseTable } from "../../options/tables/cluster_tables.ts";
import type { Storage } from "../../runtime/storage.ts";
import { systemStorage } from "../../runtime/system_storage.ts";
import { ClusterError } from "../errors.ts";
import { type Lease, type LeaseRecord, parseLeaseRecord } from "./lease.ts";
import type { LeaseOptions } from "./lease_file.ts";
import { leaseIn } from "./lease_register.ts";

/** Options of {@linkcode kubernetesLease}, besides {@linkcode LeaseOptions}. */
export interface KubernetesLeaseOptions extends LeaseOptions {
  /** Name of the lease; the same on all nodes of a cluster. */
  readonly name: string;
  /** Namespace of the lease. Default: that of the pod. */
  readonly namespace?: string;
  /** The API server. Default `"https://kubernetes.default.svc"`. */
  readonly server?: string;
  /** Called for each request. Default: that of the service account of the pod. */
  readonly token?: () => string | Promise<string>;
  /** Makes requests. Default: the global one. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** Where a pod finds its service account. */
const account = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Our record, in the annotations of the object: its `spec` has no fencing token. */
const annotation = "casty/lease";
/** A request that takes longer has failed, milliseconds: a side gives up after 10 s without an answer. */
const requestTimeout = 3_000;

interface LeaseObject {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/**
 * A lease in the API of Kubernetes (`coordination.k8s.io/v1`). Changes are compared with the version
 * that was read, so that of two nodes one gets it. The service account needs the verbs `get`, `create`
 * and `update` of `leases`; `examples/kubernetes/lease.yaml` has the role.
 *
 * The process must trust the authority of the API server: set `DENO_CERT` (Node and Bun:
 * `NODE_EXTRA_CA_CERTS`) to `/var/run/secrets/kubernetes.io/serviceaccount/ca.crt`.
 *
 * @throws {OptionError}
 * @throws {ClusterError} from `acquire` and `release`, code `leaseUnusable`: the API server does not
 * answer, refuses, or the lease has another content.
 *
 * @example
 * ```ts
 * import { kubernetesLease, leaseMajority } from "@casty/casty";
 *
 * const downing = leaseMajority(kubernetesLease({ name: "shop-downing" }));
 * console.assert(downing.name === "leaseMajority");
 * ```
 */
export function kubernetesLease(options: KubernetesLeaseOptions): Lease {
  return leaseOn(options, systemStorage);
}

function leaseOn(options: KubernetesLeaseOptions, storage: Storage): Lease {
  const { name, ttl, clock } = resolveOptions(kubernetesLeaseTable, options);
  const objects = new LeaseObjects(options, storage);
  const register = {
    name,
    read: async () => {
      const object = await objects.get();
      const text = object?.metadata.annotations?.[annotation];
      if (text === undefined) return { record: undefined, version: object };
      return { record: parseRecord(name, text), version: object };
    },
    write: (version: LeaseObject | undefined, record: LeaseRecord) =>
      objects.put(version, record, ttl),
  };
  return {
    ...leaseIn(register, ttl, clock),
    bind: ({ clock, storage }) => leaseOn({ clock, ...options }, storage),
  };
}

/** The object of one lease, at the API server. */
class LeaseObjects {
  readonly #options: KubernetesLeaseOptions;
  readonly #storage: Storage;

  constructor(options: KubernetesLeaseOptions, storage: Storage) {
    this.#options = options;
    this.#storage = storage;
  }

  /** Undefined: there is none. */
  async get(): Promise<LeaseObject | undefined> {
    const response = await this.#request("GET", this.#options.name);
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    const object = await this.#json(response) as Partial<LeaseObject> | null;
    if (typeof object?.metadata?.resourceVersion === "string") return object as LeaseObject;
    throw unusable(this.#options.name, "the answer of the API server is no lease");
  }

  /** False: it has changed since `before` was read. */
  async put(
    before: LeaseObject | undefined,
    record: LeaseRecord,
    ttl: number,
  ): Promise<boolean> {
    const { name } = this.#options;
    const { annotations, resourceVersion } = before?.metadata ?? {};
    const object = {
      ...before,
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        ...before?.metadata,
        name,
        ...(resourceVersion !== undefined && { resourceVersion }),
        annotations: { ...annotations, [annotation]: JSON.stringify(record) },
      },
      // For people, who look at it with kubectl.
      spec: {
        holderIdentity: record.owner,
        leaseDurationSeconds: Math.ceil(ttl / 1_000),
        leaseTransitions: record.token,
        renewTime: new Date(record.until - ttl).toISOString().replace("Z", "000Z"),
      },
    };
    const response = await this.#request(
      before === undefined ? "POST" : "PUT",
      before === undefined ? undefined : name,
      JSON.stringify(object),
    );
    // 404: it was deleted meanwhile.
    if (response.status === 409 || response.status === 404) {
      await response.body?.cancel();
      return false;
    }
    await this.#json(response);
    return true;
  }

  async #request(method: string, name?: string, body?: string): Promise<Response> {
    const { server, fetch = globalThis.fetch } = resolveOptions(
      kubernetesLeaseTable,
      this.#options,
    );
    const { namespace = await this.#file("namespace"), token } = this.#options;
    const path = `apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    try {
      return await fetch([server, path, ...(name === undefined ? [] : [name])].join("/"), {
        method,
        headers: {
          authorization: `Bearer ${await (token?.() ?? this.#file("token"))}`,
          accept: "application/json",
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(requestTimeout),
      });
    } catch (error) {
      throw unusable(this.#options.name, `the API server ${server} does not answer`, error);
    }
  }

  async #json(response: Response): Promise<unknown> {
    const { name } = this.#options;
    if (!response.ok) {
      await response.body?.cancel();
      throw unusable(name, `the API server has answered with the status ${response.status}`);
    }
    try {
      return await response.json();
    } catch (error) {
      throw unusable(name, "the answer of the API server cannot be read", error);
    }
  }

  /** Read for each request: tokens are renewed. */
  async #file(name: string): Promise<string> {
    const path = `${account}/${name}`;
    try {
      return new TextDecoder().decode(await this.#storage.read(path)).trim();
    } catch (error) {
      throw unusable(this.#options.name, `${path} cannot be read`, error);
    }
  }
}

function parseRecord(name: string, text: string): LeaseRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Refused below.
  }
  const record = parseLeaseRecord(value);
  if (record === undefined) {
    throw unusable(name, `its annotation ${annotation} is no lease of ours`);
  }
  return record;
}

function unusable(name: string, why: string, cause?: unknown): ClusterError {
  return new ClusterError("leaseUnusable", `the lease ${name} cannot be used: ${why}`, {
    value: name,
    remedy: "check the role of the service account, and that its authority is trusted (DENO_CERT)",
    ...(cause !== undefined && { cause }),
  });
}
