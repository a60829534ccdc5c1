// Verifies compact tokens with jose, which knows nothing of nameplated. In: JSON lines {"token", "jwk"}; out: one JSON line each,
// {"header", "payload"} or {"error"}.
import { createInterface } from "node:readline";
import { compactVerify, importJWK } from "jose";

for await (const line of createInterface({ input: process.stdin })) {
  const { token, jwk } = JSON.parse(line);
  try {
    const key = await importJWK(jwk, "Ed25519");
    const { payload, protectedHeader } = await compactVerify(token, key, { algorithms: ["Ed25519"] });
    console.log(JSON.stringify({ header: protectedHeader, payload: new TextDecoder().decode(payload) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.code ?? error.name }));
  }
}
