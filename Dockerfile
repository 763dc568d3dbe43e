# The image of the five-node example. It holds code and dependencies, never a key.
FROM denoland/deno:2.9.6
ENV DENO_DIR=/deno-dir
# A busy node looks at all its sockets in every 8th turn of its event loop: docs/production.md.
ENV DENO_TOKIO_EVENT_INTERVAL=8
WORKDIR /app
COPY . .
RUN deno install --entrypoint examples/tls_counter.ts examples/client.ts examples/orders_postgres.ts \
    examples/kubernetes/node.ts examples/dashboard_node.ts cert.ts \
  && chown -R deno:deno /deno-dir
# A user of the base image without rights. The code belongs to root.
USER deno
CMD ["deno", "run", "-A", "examples/tls_counter.ts", "--help"]
