# The house's front door. `make` prints what can be asked for; each target is safe to repeat.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PREFIX ?= /usr/local
DESTDIR ?=
SUITES ?=
BENCH ?=

NODE := $(shell command -v node 2>/dev/null)
# Headers that came with this Node, so that native builds need no download; empty where there are none.
NODE_PREFIX := $(if $(NODE),$(patsubst %/bin/node,%,$(realpath $(NODE))))
NODEDIR ?= $(if $(wildcard $(NODE_PREFIX)/include/node/node.h),$(NODE_PREFIX))
export npm_config_nodedir := $(NODEDIR)
# node-gyp compiles on all processors only when told to.
export JOBS ?= max
BIN := node_modules/.bin

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done

.PHONY: setup
setup: ## install what is missing (apt packages as root, pinned npm packages) and build
	@scripts/setup-packages
	@$(MAKE) --no-print-directory build

node_modules/.package-lock.json: package-lock.json
	npm ci --no-fund --no-audit --ignore-scripts --loglevel=error
	@if node -e 'process.exit(Number.parseInt(process.versions.node) < 24 ? 0 : 1)'; then npm_config_build_from_source=true npm rebuild better-sqlite3 --loglevel=error; fi
	@touch $@

NATIVE_SOURCES := $(shell find native -path native/build -prune -o -path native/fuse-native -prune -o -type f -print 2>/dev/null)
native/build/Makefile: native/binding.gyp node_modules/.package-lock.json
	$(BIN)/node-gyp configure -C native --loglevel=warn
	@touch $@

native/build/Release/holdfast.node: native/build/Makefile $(NATIVE_SOURCES)
	@$(BIN)/node-gyp build -C native --loglevel=warn >native/build/last.log 2>&1 || { cat native/build/last.log; exit 1; }
	@touch $@

# The second driver: fuse-native's native part, built against the system's libfuse 2; left out where that is not installed.
FUSE_NATIVE := $(if $(wildcard /usr/include/fuse/fuse_lowlevel.h),native/fuse-native/build/Release/fuse_native.node)
native/fuse-native/build/Release/fuse_native.node: node_modules/.package-lock.json $(addprefix native/fuse-native/,binding.gyp correct corrections.h corrections.sed)
	@rm -rf native/fuse-native/build
	@$(BIN)/node-gyp configure -C native/fuse-native --loglevel=warn
	@native/fuse-native/correct node_modules/fuse-native native/fuse-native/build/fuse-native.c
	@$(BIN)/node-gyp build -C native/fuse-native --loglevel=warn >native/fuse-native/build/last.log 2>&1 || { cat native/fuse-native/build/last.log; exit 1; }
	@touch $@

TS_SOURCES := $(shell find src test -name '*.ts' 2>/dev/null)
dist/.built: node_modules/.package-lock.json tsconfig.json $(TS_SOURCES)
	@rm -rf dist
	$(BIN)/tsc -p .
	@command -v node > dist/node-path
	@touch $@

.PHONY: build
build: native/build/Release/holdfast.node $(FUSE_NATIVE) dist/.built ## build the native part and compile the TypeScript

.PHONY: run
run: build ## the story: protect files, flush, lose disks, get every byte back (under two minutes)
	@scripts/run-story

.PHONY: test
test: build ## every test (SUITES="unit mount" for some)
	@node dist/test/run.js $(SUITES)

.PHONY: test-quick
test-quick: build ## the tests that need no mount and no root
	@node dist/test/run.js tidy unit contract property golden

.PHONY: test-asan
test-asan: build ## the native part under AddressSanitizer: its tests and the fuzzers (HOLDFAST_FUZZ_REQUESTS=10000000)
	@scripts/test-asan $(FILES)

.PHONY: bench
bench: build ## what it costs, beside native xfs and peers (BENCH="--quick --only small --peers btrfs", docs/performance.md)
	@node dist/test/bench/main.js $(BENCH)

.PHONY: bench-setup
bench-setup: build ## install the peers of the bench (apt packages, as root)
	@node dist/test/bench/main.js --install

.PHONY: bench-guard
bench-guard: build ## a minute of bench against recorded ratios to native (fails on a factor of 2)
	@node dist/test/bench/guard.js

.PHONY: lint
lint: node_modules/.package-lock.json ## formatter and linter findings, types, tidy rules
	@$(BIN)/biome lint --error-on-warnings src test
	@$(BIN)/oxlint --quiet src test
	@$(BIN)/tsc --noEmit -p .
	@$(MAKE) --no-print-directory dist/.built
	@node dist/test/run.js tidy

.PHONY: install
install: build ## put holdfast on the PATH with its man page and systemd units (PREFIX=/usr/local)
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install-files

.PHONY: clean
clean: ## remove what was built (node_modules stays)
	rm -rf dist build native/build native/fuse-native/build
