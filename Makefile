# Socle. `make` alone lists the targets. Each target does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
ARCH := $(shell uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
# The pinned Node comes first in PATH: tools that start with `#!/usr/bin/env node` run on it.
export PATH := $(CURDIR)/node_modules/node-linux-$(ARCH)/bin:$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup demo test test-long check bench fmt

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

node_modules/.installed: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

setup: node_modules/.installed
	@./tools/packages.sh

demo: setup ## back up, restore, prove, damage, and see the proof fail: the main job, in under two minutes (KEEP=1 leaves the daemon running)
	@exec ./bin/socle demo $(if $(KEEP),--keep)

test: check ## every check and test that CI runs
	@node --disable-warning=ExperimentalWarning node_modules/vitest/vitest.mjs run

test-long: check ## the same, and the long ones: property tests at full length, kill rounds, fresh machines
	@SOCLE_LONG=1 node --disable-warning=ExperimentalWarning node_modules/vitest/vitest.mjs run

check: setup ## types, lint, dead code, direction of imports
	@tsc
	@biome check --error-on-warnings .
	@knip
	@depcruise --config .dependency-cruiser.cjs --output-type err src

bench: setup ## the promises about speed, as ratios against what a user would use instead
	@node --disable-warning=ExperimentalWarning bench/main.ts

fmt: setup ## format the code
	@biome check --write .
