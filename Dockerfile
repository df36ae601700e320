# The studio in a container. Every step is a command of the workshop: what is built here is what `cargo xtask build --release` builds.
#
#   docker build -t datalayer .
#   docker run -p 3000:3000 -v datalayer:/data -e DATALAYER_KERNELS=on datalayer
#
# Kernels run in the container, with the rights of its user; without DATALAYER_KERNELS=on notebooks are only written.
# What a notebook installs with %pip lasts as long as the container. To keep packages, put them into an image of your own:
#
#   FROM datalayer
#   RUN /opt/datalayer/python/bin/pip install --no-cache-dir pandas matplotlib
#
# A folder of the host in place of the volume must belong to user 10001.
# On another port, say so: -p 8080:3000 -e DATALAYER_PUBLIC_URL=http://localhost:8080
#
# Behind a proxy with https, give the address people type: -e DATALAYER_PUBLIC_URL=https://studio.example

FROM node:22-bookworm-slim AS node

FROM rust:1.95-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
ENV CARGO_TARGET_DIR=/build/target DATALAYER_CACHE=/opt/datalayer
COPY . .
# The environment that runs people's code is made by the same step as on a laptop.
# Cargo goes by dates, and the cache may come from a clone with younger files: what was copied counts as new.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    find . -type f -exec touch {} + \
 && cargo xtask setup \
 && cargo xtask build --release --out /out

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 datalayer \
 && install -d -o datalayer -g datalayer /data
# Its user's, so that %pip works in a notebook.
COPY --from=build --chown=datalayer:datalayer /opt/datalayer/python /opt/datalayer/python
COPY --from=build /out /opt/datalayer/studio
USER datalayer
# Both came from another image: that they run in this one shows now, not at the first start.
RUN /opt/datalayer/studio/datalayer --version && /opt/datalayer/python/bin/python -m ipykernel_launcher --version
WORKDIR /data
ENV DATALAYER_DATA=/data \
    DATALAYER_LISTEN=0.0.0.0:3000 \
    DATALAYER_PUBLIC_URL=http://localhost:3000 \
    DATALAYER_PYTHON=/opt/datalayer/python \
    PATH=/opt/datalayer/studio:$PATH
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["datalayer", "healthcheck"]
# tini reaps what a killed kernel leaves behind.
ENTRYPOINT ["tini", "--", "datalayer"]
CMD ["serve"]
