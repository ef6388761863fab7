# Sohoa for production: `docker build -t sohoa .`; docker-compose.yml runs it.
# Nothing is compiled: every dependency has a wheel, so neither stage holds a compiler.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/sohoa
ENV PATH=/opt/sohoa/bin:$PATH
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY schemas schemas
COPY pipeline pipeline
COPY workers workers
COPY scripts scripts
RUN pip install --no-cache-dir --only-binary=:all: --no-binary=sohoa -c constraints.txt ".[production]" \
    && pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
# Debian keeps only the newest build of a package in a release: a pinned version would stop building
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tesseract-ocr tesseract-ocr-vie poppler-utils \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 sohoa \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/sohoa --shell /usr/sbin/nologin sohoa \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/sohoa
COPY --from=build /opt/sohoa /opt/sohoa
ENV PATH=/opt/sohoa/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_THREAD_LIMIT=1 \
    SOHOA_HOME=/var/lib/sohoa
WORKDIR /var/lib/sohoa
USER 10001:10001
ENTRYPOINT ["sohoa"]
CMD ["--help"]
