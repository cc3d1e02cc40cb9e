# The service alone: no training dependencies, no build tools, no bundle. README.md, "Docker", says how to run it.
# tests/integration/test_dockerfile.py runs the builder's steps, the health check and the command outside of Docker.

FROM python:3.11-slim AS builder
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN python -m venv /uv && /uv/bin/pip install --quiet uv
COPY pyproject.toml uv.lock ./
RUN /uv/bin/uv sync --frozen --no-dev --quiet
COPY models/ models/
COPY service/ service/
RUN .venv/bin/python -m compileall -q models service && mkdir /data

FROM python:3.11-slim
WORKDIR /app
COPY --from=builder /app/ ./
COPY --from=builder --chown=10001:10001 /data/ /data/
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 GATEKEEPER_HOST=0.0.0.0 GATEKEEPER_PORT=8000 GATEKEEPER_DATA=/data
VOLUME /data
EXPOSE 8000
USER 10001:10001
# Straight to the port, past any proxy of the environment; anything but 200 raises, which is exit code 1.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['GATEKEEPER_PORT'] + '/health/ready', timeout=2)"]
CMD ["python", "-m", "service", "serve"]
