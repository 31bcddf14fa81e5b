# fovea in a small Debian: docker build -t fovea . && docker run --rm -v "$PWD:/data" fovea inspect model.onnx
FROM debian:12-slim AS build
ENV DEB_BUILD_OPTIONS=nocheck DEB_BUILD_PROFILES=nocheck
COPY . /source
WORKDIR /source
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential \
    && apt-get build-dep -y --no-install-recommends /source \
    && dpkg-buildpackage -b -us -uc \
    && mkdir /packages \
    && mv ../fovea_*.deb ../libfovea0_*.deb /packages

FROM debian:12-slim
COPY --from=build /packages /packages
RUN apt-get update \
    && apt-get install -y --no-install-recommends /packages/*.deb \
    && rm -rf /packages /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home fovea
USER fovea
WORKDIR /data
ENTRYPOINT ["fovea"]
CMD ["help"]
