# The service in a container of its own.
#
#   docker build -t deal-ledger .
#   docker run --network host -v deal-ledger:/data deal-ledger
#
# Until access control exists `serve` refuses to listen on anything but loopback, and a container's
# loopback can't be published with -p. So the container shares the host's network (--network host) and
# the service is at http://127.0.0.1:8000 of the host, for those who are on that host and nobody else.
# A folder mounted at /data instead of a volume must belong to user 10001.

FROM python:3.11-slim AS build
WORKDIR /build
# The lock first: its layer is made again only when the lock changes.
COPY requirements-setup.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-setup.lock \
    && python -m venv --without-pip /app \
    && uv pip install --no-cache --python /app/bin/python --compile-bytecode --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY ledger ledger
COPY projections projections
COPY api api
RUN python -m hatchling build -t wheel -d /wheel \
    && uv pip install --no-cache --python /app/bin/python --compile-bytecode --no-deps /wheel/*.whl

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin ledger \
    && install --directory --owner ledger --mode 0700 /data
COPY --from=build /app /app
ENV PATH="/app/bin:${PATH}" PYTHONUNBUFFERED=1
USER ledger
VOLUME /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["dealledger", "doctor", "--ready", "--url", "http://127.0.0.1:8000"]
ENTRYPOINT ["dealledger"]
CMD ["serve", "--data", "/data", "--port", "8000"]
