# Socle. `make` alone lists the targets. Each target does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
ARCH := $(shell uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
# The pinned Node comes first in PATH: tools that start with `#!/usr/bin/env node` run on it. npm keeps the machine's own:
# it replaces the directory that the pinned one lies in.
MACHINE_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/node-linux-$(ARCH)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
NODE := node --disable-warning=ExperimentalWarning
VITEST := ./tools/own-mounts.sh $(NODE) node_modules/vitest/vitest.mjs run

.PHONY: help demo test test-long check bench sandbox fmt use-packages test-packages

help: ## this list
	@echo 'make TARGET. Each one installs what it needs: as root with apt-get, else it names the packages.'
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: use-packages node_modules/.installed ## the main job in two minutes: back up, restore, prove; KEEP=1 leaves the daemon running
	@exec ./bin/socle demo $(if $(KEEP),--keep)

test: test-packages check ## every check and every test that CI runs
	@$(VITEST)

test-long: long-packages check ## the same and the long ones: properties at full length, kill rounds, fresh machines
	@SOCLE_LONG=1 $(VITEST)

check: node_modules/.installed ## types, lint and format, dead code, direction of imports
	@tsc
	@biome check --error-on-warnings .
	@knip
	@depcruise --config .dependency-cruiser.cjs --output-type err src

bench: use-packages node_modules/.installed ## the promises about speed, as ratios against what a user would use instead
	@[ "$$(id -u)" -ne 0 ] || ./tools/packages.sh sandbox
	@$(NODE) bench/main.ts

sandbox: node_modules/.installed ## a throw-away Debian to try things on (root; NAME=sandbox, DEBIAN=13, DRIVER=nspawn or qemu)
	@./tools/packages.sh sandbox $(or $(DRIVER),nspawn)
	@./bin/socle sandbox up $(or $(NAME),sandbox) --debian $(or $(DEBIAN),13) --driver $(or $(DRIVER),nspawn)

fmt: node_modules/.installed ## format the code
	@biome check --write .

node_modules/.installed: package-lock.json
	@command -v npm >/dev/null || { echo 'socle: npm is missing: install it with apt-get install npm' >&2; exit 69; }
	@echo 'socle: installing the npm packages of the lock file (once)' >&2
	@PATH='$(MACHINE_PATH)' ./tools/npm-packages.sh node_modules/node-linux-$(ARCH)/bin/node
	@touch $@

use-packages:
	@./tools/packages.sh use

test-packages:
	@./tools/packages.sh test

long-packages:
	@./tools/packages.sh $(if $(filter 0,$(shell id -u)),long,test)
