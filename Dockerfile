# One image for all of Posthorn's processes: services, user-mock and `posthorn`. TypeScript is executed as it is, so there
# is nothing to build. What a container does is its command; docker-compose.yml has them, and the health checks.
FROM node:24.21.0-slim

ENV NODE_ENV=production NODE_OPTIONS="--max-semi-space-size=8 --max-old-space-size=1024" MALLOC_ARENA_MAX=1
WORKDIR /app

# First, so that this layer lasts until the packages change. Optional packages are other ways to get Node itself.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

COPY schemas schemas
COPY domain domain
COPY lib lib
COPY content content
COPY services services
COPY user-mock user-mock
COPY cli cli
# `posthorn demo` sends its templates.
COPY dev/demo dev/demo

# The files belong to root: the processes can read, but not change them.
USER node
CMD ["node", "cli/posthorn.ts", "help"]
