# pmcheck and git, for CI systems that run containers:
#   docker run --rm -v "$PWD:/repository" ghcr.io/pmcheck/pmcheck check --base origin/main
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
ARG COMMIT=""
ARG DATE=""
RUN CGO_ENABLED=1 go build -trimpath -buildvcs=false -tags netgo,osusergo \
    -ldflags "-s -w -linkmode external -extldflags -static -X main.releaseVersion=${VERSION} -X main.releaseCommit=${COMMIT} -X main.releaseDate=${DATE}" \
    -o /out/pmcheck ./cmd/pmcheck

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends git ca-certificates openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home pmcheck \
    # The mounted repository belongs to another user. pmcheck runs nothing that is in it.
    && git config --system --add safe.directory '*'
COPY --from=build /out/pmcheck /usr/local/bin/pmcheck
COPY LICENSE /usr/share/doc/pmcheck/LICENSE
USER 10001
WORKDIR /repository
ENTRYPOINT ["pmcheck"]
