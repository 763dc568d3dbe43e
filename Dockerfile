# The image of the five-node example. It holds code and dependencies, never a key.
FROM denoland/deno:2.9.6
WORKDIR /app
COPY . .
RUN deno install --entrypoint examples/tls_counter.ts examples/client.ts cert.ts
CMD ["deno", "run", "-A", "examples/tls_counter.ts", "--help"]
