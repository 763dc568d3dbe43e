import type {
  Authorize,
  CertifiedIdentity,
  IdentityRefusal,
  TlsMaterial,
} from "../../runtime/network.ts";

const maxReason = 200;

/** Applies revocation and `authorize` to a peer whose certificate is acceptable. */
export function judgeIdentity(
  tls: TlsMaterial,
  identity: CertifiedIdentity,
): IdentityRefusal | undefined {
  return tls.judge?.(identity) ?? (tls.authorize && ask(tls.authorize, identity));
}

function ask(
  authorize: Authorize,
  identity: CertifiedIdentity,
): IdentityRefusal | undefined {
  const refuse = (problem: string): IdentityRefusal => ({ fault: "unauthorized", problem });
  try {
    // A policy in JavaScript may return a value of another type.
    const answer: unknown = authorize(identity);
    if (answer === true) return undefined;
    if (answer === false) return refuse("is not authorised");
    if (typeof answer === "string") {
      return refuse(`is not authorised: ${answer.slice(0, maxReason)}`);
    }
    if (answer instanceof Promise) answer.catch(() => {});
    return refuse("is not authorised, because authorize answered neither a boolean nor a text");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refuse(`is not authorised, because authorize failed: ${why.slice(0, maxReason)}`);
  }
}
