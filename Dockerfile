# The gateway as a small image: `docker build --target gateway .`; the last stage is the example upstream of compose.

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY meter meter
COPY policies policies
COPY examples examples
RUN python -m venv /opt/meter && /opt/meter/bin/pip install --no-cache-dir .

FROM python:3.12-slim AS gateway
RUN useradd --system --uid 10001 --no-create-home meter && install --directory --owner meter --mode 0700 /data
COPY --from=build /opt/meter /opt/meter
ENV PATH=/opt/meter/bin:$PATH METER_DATA=/data METER_POLICIES=/policies METER_HOST=0.0.0.0 METER_PORT=8000 \
    PYTHONDONTWRITEBYTECODE=1
COPY policies /policies
USER meter
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/_meter/health', timeout=2)"]
CMD ["meter", "serve"]

FROM gateway AS example
USER root
RUN /opt/meter/bin/pip install --no-cache-dir "pillow>=11"
COPY examples /app/examples
USER meter
EXPOSE 9000
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9000/health', timeout=2)"]
CMD ["uvicorn", "--app-dir", "/app", "--host", "0.0.0.0", "--port", "9000", "examples.image_api:app"]
