# One image for the API, the worker and the one-shot commands (migrations, first key): the command chooses.
# Debian, not Alpine: the Temporal SDK's native part is built against glibc.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

# What runs: production dependencies alone. This layer changes only with the lock file.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No dependency needs its install script. The SDK brings its native part for five systems; one of them runs here.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && native="$(node -p "process.arch === 'arm64' ? 'aarch64' : 'x86_64'")-unknown-linux-gnu" \
    && test -d "node_modules/@temporalio/core-bridge/releases/$native" \
    && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$native" -exec rm -rf {} +

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kessai" \
      org.opencontainers.image.description="Cashless-payment operations as durable processes: API, worker and migrations" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="node:20.20.2-bookworm-slim"
ENV NODE_ENV=production
WORKDIR /app
# Owned by root and read only for the user that runs it.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
USER node
EXPOSE 3000 9090
# Both programs end what they have begun and exit with 0.
STOPSIGNAL SIGTERM
# No HEALTHCHECK here: API and worker answer /readyz on different ports (docker-compose.yml asks them with Node's fetch).
CMD ["node", "dist/workers/api-main.js"]
