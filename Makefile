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
as_root_current := $(root) env PYTHONPATH='$(dev)' ANSIBLE_COLLECTIONS_PATH='$(dev)' PATH='$(current)':$$PATH $(current)/python
as_root_oldest := $(root) env PYTHONPATH='$(dev)' ANSIBLE_COLLECTIONS_PATH='$(dev)' PATH='$(oldest)':$$PATH $(oldest)/python
# It becomes root by itself.
lab := $(current)/python tests/lab/lab.py

RELEASE ?= trixie
VENV ?= core-2.21
SCENARIO ?= examples/relay
LABS ?= 2

.PHONY: help setup demo check test audit sbom lint lint-code lint-ansible lint-docs sanity units units-oldest units-current programs servers labs lab lab-up lab-down bench soak mutation comparison docs screenshots changelog

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## the packages and virtual environments that everything below needs
	@tests/toolchain.sh packages core-2.19 core-2.21
	@mkdir -p '$(dev)/ansible_collections/inbound' && ln -sfn '$(CURDIR)' '$(dev)/ansible_collections/inbound/mail'

demo: setup  ## the relay case on the embedded lab: plan, site, verify, the path of a delivered message
	$(lab) demo examples/relay

check: setup  ## before a change is sent: linters, types and the unit tests of the current core, in parallel
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target units-current lint
	@echo 'make check: all of it passed'

test: check programs  ## everything, as CI runs it
	@# Labs wait for much of their time: what needs none runs beside them.
	$(MAKE) --no-print-directory --jobs 2 labs servers sanity units-oldest
	@echo 'make test: all of it passed'

lint: lint-code lint-ansible lint-docs audit  ## linters and types

audit: setup  ## known faults in what is installed and in what the requirements allow; asks no server
	$(current)/python tests/audit.py

sbom: setup  ## the software bill of materials of a controller (CycloneDX): tests/output/sbom.cdx.json
	@tests/toolchain.sh runtime sbom
	@mkdir -p tests/output
	$(venv)/sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON --output-file tests/output/sbom.cdx.json $(venv)/runtime/bin/python

lint-code: setup
	$(current)/ruff check .
	$(current)/ruff format --check .
	MYPYPATH='$(dev)' $(current)/mypy -p ansible_collections.inbound.mail.plugins

lint-ansible: setup
	PATH='$(current)':$$PATH ANSIBLE_COLLECTIONS_PATH='$(dev)' $(current)/ansible-lint --offline --profile production

lint-docs: setup
	$(current)/antsibull-changelog lint
	PATH='$(current)':$$PATH ANSIBLE_COLLECTIONS_PATH='$(dev)' $(current)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all .

sanity: setup  ## ansible-test sanity, with the oldest and the current ansible-core
	tests/sanity.sh core-2.19
	tests/sanity.sh core-2.21

units: units-oldest units-current  ## unit tests, with the oldest and the current ansible-core

units-oldest: setup
	PYTHONPATH='$(dev)' $(oldest)/python -m pytest -q -n 2 tests/unit

units-current: setup
	PYTHONPATH='$(dev)' $(current)/python -m pytest -q -n 2 tests/unit

# What tests of real servers and hosts run beside ours.
programs: setup
	@tests/toolchain.sh peers stand-ins browser

servers: programs  ## [K=EXPRESSION]: against real servers, in namespaces and on loopback: as root
	$(as_root_current) -m pytest -q -n 2 --durations=20 -m 'not lab' $(if $(K),-k '$(K)') tests/integration
	@# What runs on the controller runs on the oldest ansible-core too; what runs on hosts does so in labs.
	$(if $(K),,$(as_root_oldest) -m pytest -q -n 2 tests/integration/test_plan.py tests/integration/dns/test_rfc2136_records.py tests/integration/dns/test_role.py)

labs: programs  ## [SHARD=i/n] [LABS=2]: on real hosts, and every example, LABS at a time: as root
	$(as_root_current) -m pytest -v --durations=20 $(if $(filter-out 1,$(LABS)),-n $(LABS) --no-loadscope-reorder) -m lab $(if $(SHARD),--shard '$(SHARD)') tests/integration

lab: setup  ## SCENARIO=FOLDER: boot it, run site twice, verify, take it down
	$(lab) run $(SCENARIO) --release $(RELEASE) --venv $(VENV)

lab-up: setup  ## SCENARIO=FOLDER: boot it and leave it running
	$(lab) up $(SCENARIO) --release $(RELEASE) --venv $(VENV)

lab-down: setup  ## SCENARIO=FOLDER: take it down
	$(lab) down $(SCENARIO)

bench: setup  ## every benchmark beside its peer: a table, and JSON in tests/output/bench.json
	@tests/toolchain.sh peers checkers
	$(as_root_current) tests/bench/run.py $(DOC)

mutation: setup  ## how many faults put into pure code the unit tests find: PACKAGE=_records, SAMPLE=200
	@tests/toolchain.sh mutation
	nice $(venv)/mutation/bin/python tests/mutation/run.py $(if $(SAMPLE),--sample $(SAMPLE)) $(PACKAGE)

docs: setup  ## write the documents that are generated from the code
	PYTHONPATH='$(dev)' $(current)/python docs/generate.py

soak: setup  ## the long runs: 12 moves of mail, 1,000 changes of each firewall; DOC=--doc: into docs/benchmarks.md
	@tests/toolchain.sh peers checkers
	$(as_root_current) tests/bench/run.py cutover firewall-changes $(DOC)

comparison: setup  ## what others say of the same broken zones: docs/comparison.md
	@tests/toolchain.sh checkers
	$(as_root_current) tests/bench/verdicts.py

screenshots: setup  ## the pictures of the verdict's page in docs/images
	@tests/toolchain.sh browser
	PYTHONPATH='$(dev)' $(current)/python tests/browser/screenshots.py

changelog: setup
	$(current)/antsibull-changelog release
