# syntax=docker/dockerfile:1
# One Quarry node in a container. Build: docker build -t quarry .
# Run: docker run --init -v quarry:/data -p 18444:18444 quarry

FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.mjs scripts/build.mjs
COPY src src
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:20-slim
# Settings of a container; -e QUARRY_… and flags change them.
ENV NODE_ENV=production \
    QUARRY_DATADIR=/data \
    QUARRY_LISTEN=/ip4/0.0.0.0/tcp/18444
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY config config
COPY wasm/*.wasm wasm/
# Root owns the program, node owns the data: what runs cannot change itself.
RUN install -d -o node -g node -m 0700 /data
USER node
VOLUME /data
# Peers; and JSON-RPC, which listens inside the container only unless --rpc-bind and --rpc-allow-ip say more.
EXPOSE 18444 18443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.QUARRY_RPC_PORT||18443)+'/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# One process, which takes the signals itself: no shell and no npm in between.
ENTRYPOINT ["node", "dist/program/nodejs/main.js"]
CMD ["start"]
