# demo   the helpdesk: a real Django monolith, a Go service, the proxy between
# build  bin/strangler
# test   lint, then every test with race detection
# lint   golangci-lint, pinned in tools/go.mod
# fuzz   each fuzz target for FUZZTIME
# bench  CPU, latency and memory as ratios to Caddy's reverse_proxy
.PHONY: demo build test lint fuzz bench deps

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
CADDY    := github.com/caddyserver/caddy/v2
LDFLAGS  := -s -w -X $(CADDY).CustomBinaryName=strangler -X $(CADDY).CustomVersion=$(VERSION)
FUZZTIME ?= 30s

demo: build
	@go build -o bin/helpdesk-demo ./examples/helpdesk/demo
	@exec bin/helpdesk-demo $(DEMO_FLAGS)

build:
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/strangler ./cmd/strangler

test: deps build lint
	go test -race -timeout 25m ./...

lint:
	go tool -modfile=tools/go.mod golangci-lint run --allow-parallel-runners ./...

fuzz:
	@sh tools/fuzz.sh $(FUZZTIME)

bench: build
	go run ./bench $(BENCH_FLAGS)

deps:
	@sh tools/deps.sh
