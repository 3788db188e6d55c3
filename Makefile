# inbound.mail: every command of a developer. `make demo` and `make test` need nothing but a plain Debian or Ubuntu.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export INBOUND_MAIL_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/inbound-mail
venv := $(INBOUND_MAIL_CACHE)/venv
# A collection is found only below ansible_collections/NAMESPACE/NAME: a link there leads to this checkout.
dev := $(INBOUND_MAIL_CACHE)/dev
current := $(venv)/core-2.21/bin
oldest := $(venv)/core-2.19/bin
root := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=INBOUND_MAIL_CACHE,HOME)
# It becomes root by itself.
lab := $(current)/python tests/lab/lab.py

RELEASE ?= trixie
VENV ?= core-2.21
SCENARIO ?= examples/relay
EXAMPLES := $(sort $(dir $(wildcard examples/*/lab.yml)))

.PHONY: help setup demo test lint sanity units integration lab-all lab lab-up lab-down bench comparison docs screenshots changelog

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## the packages and virtual environments that everything below needs
	@tests/toolchain.sh packages core-2.19 core-2.21
	@mkdir -p '$(dev)/ansible_collections/inbound' && ln -sfn '$(CURDIR)' '$(dev)/ansible_collections/inbound/mail'

demo: setup  ## the relay case on the embedded lab: plan, site, verify, the path of a delivered message
	$(lab) demo examples/relay

test: setup lint sanity units integration lab-all  ## everything, as CI runs it
	@echo 'make test: all of it passed'

lint: setup
	$(current)/ruff check .
	$(current)/ruff format --check .
	MYPYPATH='$(dev)' $(current)/mypy -p ansible_collections.inbound.mail.plugins
	PATH='$(current)':$$PATH ANSIBLE_COLLECTIONS_PATH='$(dev)' $(current)/ansible-lint --offline --profile production
	$(current)/antsibull-changelog lint
	PATH='$(current)':$$PATH ANSIBLE_COLLECTIONS_PATH='$(dev)' $(current)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all .

sanity: setup  ## ansible-test sanity, with the oldest and the current ansible-core
	@# Beside each other, with the output of one after that of the other.
	$(MAKE) --no-print-directory -j 2 --output-sync=target sanity-core-2.19 sanity-core-2.21

sanity-%:
	tests/sanity.sh $*

units: setup  ## unit tests, with the oldest and the current ansible-core
	PYTHONPATH='$(dev)' $(oldest)/python -m pytest -q tests/unit
	PYTHONPATH='$(dev)' $(current)/python -m pytest -q tests/unit

integration: setup  ## against real servers: as root, in namespaces and on loopback
	@tests/toolchain.sh peers stand-ins browser
	$(root) env PYTHONPATH='$(dev)' ANSIBLE_COLLECTIONS_PATH='$(dev)' PATH='$(current)':$$PATH $(current)/python -m pytest -q -n 2 --dist loadgroup tests/integration
	@# What runs on the controller runs on the oldest ansible-core too; what runs on hosts does so in lab-all.
	$(root) env PYTHONPATH='$(dev)' ANSIBLE_COLLECTIONS_PATH='$(dev)' PATH='$(oldest)':$$PATH $(oldest)/python -m pytest -q \
	  tests/integration/test_plan.py tests/integration/dns/test_rfc2136_records.py tests/integration/dns/test_role.py

lab-all: setup  ## every example on real hosts; the relay on Debian 12 too, and with the oldest ansible-core
	@test -n '$(EXAMPLES)' || { echo 'no example has a lab.yml: nothing was tested' >&2; exit 1; }
	for example in $(EXAMPLES); do $(lab) run "$$example"; done
	$(lab) run examples/relay --release bookworm --venv core-2.19

lab: setup  ## SCENARIO=FOLDER: boot it, run site twice, verify, take it down
	$(lab) run $(SCENARIO) --release $(RELEASE) --venv $(VENV)

lab-up: setup  ## SCENARIO=FOLDER: boot it and leave it running
	$(lab) up $(SCENARIO) --release $(RELEASE) --venv $(VENV)

lab-down: setup  ## SCENARIO=FOLDER: take it down
	$(lab) down $(SCENARIO)

bench: setup  ## every benchmark beside its peer: a table, and JSON in tests/output/bench.json
	@tests/toolchain.sh peers checkers
	$(root) env PYTHONPATH='$(dev)' ANSIBLE_COLLECTIONS_PATH='$(dev)' PATH='$(current)':$$PATH $(current)/python tests/bench/run.py $(DOC)

docs: setup  ## write the documents that are generated from the code
	PYTHONPATH='$(dev)' $(current)/python docs/generate.py

comparison: setup  ## what others say of the same broken zones: docs/comparison.md
	@tests/toolchain.sh checkers
	$(root) env PYTHONPATH='$(dev)' ANSIBLE_COLLECTIONS_PATH='$(dev)' PATH='$(current)':$$PATH $(current)/python tests/bench/verdicts.py

screenshots: setup  ## the pictures of the verdict's page in docs/images
	@tests/toolchain.sh browser
	PYTHONPATH='$(dev)' $(current)/python tests/browser/screenshots.py

changelog: setup
	$(current)/antsibull-changelog release
