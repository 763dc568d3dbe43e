import { assertEquals } from "@std/assert";
import { isPassing, isRefusal } from "../../lib/persistence/postgres/server_errors.ts";

Deno.test("what an error of PostgreSQL means does not depend on the language of the server", () => {
  const meanings = (code: string, severity: string) => {
    const error = { code, severity };
    return { refusal: isRefusal(error), passing: isPassing(error) };
  };
  for (const severity of ["ERROR", "FEHLER", "ERREUR", "ОШИБКА", "错误"]) {
    for (const code of ["23505", "42P01", "22P02", "P0001", "0A000"]) {
      assertEquals(meanings(code, severity), { refusal: true, passing: false }, severity + code);
    }
    // Deadlocks, locks that are not available, and statements that took too long.
    for (const code of ["40P01", "40001", "55P03", "57014"]) {
      assertEquals(meanings(code, severity), { refusal: true, passing: true }, severity + code);
    }
  }
  // They may come after the commit.
  for (const severity of ["FATAL", "PANIC", "ВАЖНО", "PANIK"]) {
    for (const code of ["57P01", "57P02", "53100", "58030", "XX000"]) {
      assertEquals(meanings(code, severity), { refusal: false, passing: true }, severity + code);
    }
  }
  // Of a connection, not of the server.
  assertEquals([isRefusal({ code: "ECONNRESET" }), isPassing({ code: "ECONNRESET" })], [
    false,
    false,
  ]);
});
