# Every command of the project. Build output lies outside the clone; one cargo profile (release) serves all, so RocksDB and wasmtime are compiled once.
MILLSTREAM_CACHE ?= $(HOME)/.cache/millstream
CARGO_TARGET_DIR ?= $(MILLSTREAM_CACHE)/target
MILLSTREAM_COMPONENTS ?= $(MILLSTREAM_CACHE)/components
GOCACHE := $(MILLSTREAM_CACHE)/go
export MILLSTREAM_CACHE CARGO_TARGET_DIR MILLSTREAM_COMPONENTS GOCACHE
SHELL := /bin/bash
.PHONY: setup build guests demo test test-guests lint lint-go lint-zig bench fuzz

setup:
	@scripts/setup

build: setup
	cargo build --release --package millstream

guests: setup
	@guests/build-all

# The main job on real input: flights of January 2013.
demo: build
	@examples/flights/demo

# The suites start the binary, which `cargo test` does not build.
test: build guests test-guests
	cargo test --release --workspace

test-guests: setup lint-go lint-zig
	CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/guests cargo test --quiet --manifest-path guests/rust/Cargo.toml
	cd guests/go && go test ./sdk/... ./operators/...
	guests/c/tests/run
	guests/zig/tests/run
	python3 -m unittest discover --start-directory guests/python/tests
	node --import ./guests/javascript/sdk/register.js --test guests/javascript/tests/*.test.js guests/{javascript,typescript}/operators/*/*.test.?s
	guests/java/test

lint: setup lint-go lint-zig
	cargo fmt --all --check
	cargo fmt --all --check --manifest-path guests/rust/Cargo.toml
	cargo clippy --release --workspace --all-targets -- --deny warnings
	CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/guests cargo clippy --quiet --manifest-path guests/rust/Cargo.toml --all-targets -- --deny warnings

lint-go:
	@unformatted=$$(gofmt -l guests/go) && [ -z "$$unformatted" ] || { echo "not as gofmt has it: $$unformatted"; exit 1; }
	cd guests/go && go vet ./sdk/... ./operators/... && GOOS=wasip1 GOARCH=wasm go vet ./sdk

lint-zig:
	$(MILLSTREAM_CACHE)/venv/bin/python3 -m ziglang fmt --check guests/zig

bench: setup guests
	cargo bench --workspace

# Bounded: 60 s for each target.
fuzz: setup
	@scripts/fuzz
