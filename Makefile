# What the README names. Everything here runs from a fresh checkout and says what it installs.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# CLUSTER=current: the cluster of the current kubectl context. ONCE=1: the demo ends after the tour.
export CLUSTER ONCE
# As tests/control-plane/build compiles, or else everything of Kubernetes would be compiled twice.
GO := CGO_ENABLED=0 GOFLAGS=-trimpath go

.PHONY: help demo test test-rust test-sdk test-control-plane test-chart recordings e2e images lint lint-rust lint-dependencies lint-go bench generate build

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: tools ## both programs, for tests and the demo
	cargo build --workspace --bins

demo: build ## the main job, end to end, on a real Kubernetes API server; stays up until Ctrl-C
	@target/debug/llm-demo

test: test-rust test-sdk test-control-plane test-chart ## every test

test-rust: build ## unit, architecture and cluster tests
	cargo test --workspace

test-sdk: build ## the SDKs of OpenAI, Anthropic, Google and `ai` against every type of provider
	tests/sdk/run

recordings: tools ## the codecs over recorded traffic: DIR=path, laid out as proxy/protocol/fixtures
	cargo run -q -p llm-protocol --example recordings -- "$(or $(DIR),proxy/protocol/fixtures)"

test-control-plane: tools ## the test control plane itself
	cd tests/control-plane && $(GO) test ./instance

test-chart: build ## the Helm chart, with Helm 4 and Helm 3 on a real API server; dashboard and alerts
	tests/chart/run

e2e: tools ## images, chart, pods and traffic on the cluster of KUBECONFIG; LOAD brings images into it (tests/e2e/run)
	tests/e2e/run $(SCENARIOS)

images: tools ## both images, into target/images
	deploy/images

lint: lint-rust lint-dependencies lint-go ## formatting, clippy, links of the docs, licences and sources of dependencies

lint-rust: tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --lib

# Licences, sources and banned crates are also checked by the architecture test, which needs no cargo-deny.
lint-dependencies:
	@if cargo deny --version >/dev/null 2>&1; then \
	  cargo deny check bans licenses sources; \
	else \
	  echo "lint: cargo-deny is not installed, so deny.toml is checked by the architecture test alone (cargo install cargo-deny)"; \
	fi

lint-go: tools
	@unformatted=$$(gofmt -l tests/control-plane); \
	if [ -n "$$unformatted" ]; then echo "gofmt wants to change: $$unformatted"; exit 1; fi
	cd tests/control-plane && $(GO) vet ./...

bench: tools ## the numbers, printed as a table; SECTIONS="hop footprint cluster" chooses
	cargo build --release -p llm-proxy -p llm-operator -p llm-bench
	target/release/llm-bench $(SECTIONS)
	cargo bench -p llm-compile -p llm-proxy -p llm-protocol

generate: tools ## writes the generated files again
	cargo run -p llm-crds --features schema --bin llm-crds crds/yaml
	deploy/render

# What every target needs and cannot install by itself.
.PHONY: tools
tools:
	@command -v cargo >/dev/null || { echo "needs Rust: https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { echo "needs a C compiler: apt-get install gcc libc6-dev"; exit 1; }
	@command -v go >/dev/null || { echo "needs Go 1.26 or newer for the test control plane: https://go.dev/dl"; exit 1; }
