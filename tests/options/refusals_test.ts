import { assert, assertEquals } from "@std/assert";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { internalTables, optionChapters } from "../../lib/options/option_tables.ts";
import { noList, nothing, type OptionUser, optionUsers } from "./option_users.ts";
import { exampleOf, wrongValues } from "./wrong_values.ts";

/** The error of a call that must refuse its options. */
async function refusal({ use }: OptionUser, options: unknown, what: string): Promise<OptionError> {
  let error: unknown;
  try {
    await use(options);
  } catch (thrown) {
    error = thrown;
  }
  assert(error instanceof OptionError, `${what}: ${error ?? "was accepted"}`);
  assert(error instanceof CastyError && error.code === "badOption");
  assert(error.remedy !== undefined && error.message.includes(error.remedy), error.message);
  assert(!error.message.includes("\n") && error.message.length < 1_000, error.message);
  return error;
}

/** The name with its last letter doubled. */
function misspelt(name: string): string {
  return name + name.at(-1);
}

Deno.test("every table has a call that takes its options", () => {
  const tables = optionChapters.flatMap(({ tables }) => tables);
  const owners = tables.map(({ owner }) => owner);
  assertEquals(new Set(owners).size, owners.length);
  const used = new Set(optionUsers.map(({ table }) => table));
  assertEquals(tables.filter((table) => !used.has(table)).map(({ owner }) => owner), []);
  assertEquals(optionUsers.length, tables.length);
});

for (const user of optionUsers) {
  const { table, path, base: given } = user;
  const { owner, options, required } = table;
  const base = { ...exampleOf(table), ...given };
  const prefix = path === "" ? "" : `${path}.`;

  Deno.test(`${owner}: an unknown option is refused with the nearest name`, async () => {
    for (const name of Object.keys(options)) {
      const wrong = misspelt(name);
      const error = await refusal(user, { ...base, [wrong]: 1 }, wrong);
      assertEquals(error.option, prefix + wrong);
      assert(error.message.includes(`did you mean ${prefix}${name}?`), error.message);
    }
    await refusal(user, { ...base, constructor: 1 }, "constructor");
    const far = await refusal(user, { ...base, qqqqqqqqqqqq: 1 }, "qqqqqqqqqqqq");
    assert(far.message.includes(Object.keys(options)[0]!), far.message);
  });

  Deno.test(`${owner}: values of a wrong type or out of range are refused by name`, async () => {
    for (const [name, { type }] of Object.entries(options)) {
      if (type.kind === "code" && type.test(null)) continue;
      for (const { value, at } of wrongValues(type)) {
        const what = `${name}: ${Deno.inspect(value)}`;
        const error = await refusal(user, { ...base, [name]: value }, what);
        assert(error.option.startsWith(prefix + name + at), `${what}: ${error.option}`);
        assert(error.message.includes(name), error.message);
      }
    }
  });

  Deno.test(`${owner}: options that are no object, or lack one, are refused`, async () => {
    for (const form of [7, "text", true, null, noList, nothing]) {
      if (user.otherForms?.includes(form)) continue;
      const error = await refusal(user, form, `${Deno.inspect(form)}`);
      assertEquals(error.option, path);
    }
    for (const name of required) {
      const { [name]: _, ...rest } = base as Record<string, unknown>;
      const error = await refusal(user, rest, `without ${name}`);
      assertEquals(error.option, prefix + name);
    }
  });
}

Deno.test("a secret is neither in the message nor in the value of an error", async () => {
  const secrets = optionUsers.flatMap((user) =>
    Object.entries(user.table.options)
      .filter(([, { type }]) => type.kind === "text" && type.secret)
      .map(([name]) => ({ user, name }))
  );
  assert(secrets.length >= 4);
  for (const { user, name } of secrets) {
    const options = { ...exampleOf(user.table), ...user.base, [name]: ["hunter2"] };
    const error = await refusal(user, options, name);
    assert(!Deno.inspect(error).includes("hunter2"), error.message);
  }
});

Deno.test("options of the layers below are refused for users", async () => {
  const ofUsers = (owner: string) => optionUsers.find(({ table }) => table.owner === owner)!;
  const start = ofUsers("ClusteredActorSystem.start");
  const base = exampleOf(start.table);
  const internal = ["bootstraps", "seedsAreAsked", "detector", "self", "seeds", "limits"];
  for (const name of internal) await refusal(start, { ...base, [name]: false }, name);
  const pairs: [string, string][] = [
    ["membership", "membership protocol"],
    ["membership", "detector"],
    ["ClusterClient.connect", "contacts"],
    ["transport", "wire limits"],
  ];
  let names = 0;
  for (const [owner, below] of pairs) {
    const user = ofUsers(owner);
    const { options } = internalTables.find((table) => table.owner === below)!;
    for (const name of Object.keys(options)) {
      if (name in user.table.options) continue;
      await refusal(user, { ...exampleOf(user.table), [name]: 1 }, name);
      names++;
    }
  }
  assert(names > 20, `${names}`);
});
