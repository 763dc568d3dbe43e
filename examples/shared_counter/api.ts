import { gateway } from "@casty/casty/gateway";
import { Changes, Counters } from "./counters.ts";

type Amount = { readonly amount: number };

/** A schema without a library. In a program: `v.object({ amount: v.picklist([1, -1]) })` of valibot. */
const amount = {
  "~standard": {
    version: 1,
    vendor: "example",
    validate: (value: unknown) => {
      const { amount } = (value ?? {}) as Partial<Amount>;
      return amount === 1 || amount === -1
        ? { value: { amount } }
        : { issues: [{ message: "the amount is not 1 or -1" }] };
    },
  },
} as const;

/** What pages may do. They import the type of it only. */
export const api = gateway.api({
  counters: gateway.entity(Counters, ({ ask }) => ({
    add: ask({
      input: amount,
      message: (replyTo, { amount }) => ({ type: "add", amount, replyTo }),
    }),
    get: ask({ idempotent: true, message: (replyTo) => ({ type: "get", replyTo }) }),
  })),
  changes: gateway.topic(Changes),
});

/** For pages. */
export type Api = typeof api;
