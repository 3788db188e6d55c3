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
EXAMPLES := $(sort $(dir $(wildcard examples/*/lab.yml)))

.PHONY: help setup demo test lint sanity units programs servers labs lab lab-up lab-down bench mutation comparison docs screenshots changelog

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## the packages and virtual environments that everything below needs
	@tests/toolchain.sh packages core-2.19 core-2.21
	@mkdir -p '$(dev)/ansible_collections/inbound' && ln -sfn '$(CURDIR)' '$(dev)/ansible_collections/inbound/mail'

demo: setup  ## the relay case on the embedded lab: plan, site, verify, the path of a delivered message
	$(lab) demo examples/relay

test: setup lint units  ## everything, as CI runs it
	@# A lab waits for much of its time: what needs none runs beside the labs, of which one works at a time.
	$(MAKE) --no-print-directory --jobs 2 labs sanity servers
	@echo 'make test: all of it passed'

lint: setup
	$(current)/ruff check .
	$(current)/ruff format --check .
	MYPYPATH='$(dev)' $(current)/mypy -p ansible_collections.inbound.mail.plugins
	PATH='$(current)':$$PATH ANSIBLE_COLLECTIONS_PATH='$(dev)' $(current)/ansible-lint --offline --profile production
	$(current)/antsibull-changelog lint
	PATH='$(current)':$$PATH ANSIBLE_COLLECTIONS_PATH='$(dev)' $(current)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all .

sanity: setup  ## ansible-test sanity, with the oldest and the current ansible-core
	tests/sanity.sh core-2.19
	tests/sanity.sh core-2.21

units: setup  ## unit tests, with the oldest and the current ansible-core
	PYTHONPATH='$(dev)' $(oldest)/python -m pytest -q tests/unit
	PYTHONPATH='$(dev)' $(current)/python -m pytest -q tests/unit

# What tests of real servers and hosts run beside ours.
programs: setup
	@tests/toolchain.sh peers stand-ins browser

servers: programs  ## against real servers, in namespaces and on loopback: as root
	$(as_root_current) -m pytest -q -m 'not lab' tests/integration
	@# What runs on the controller runs on the oldest ansible-core too; what runs on hosts does so in labs.
	$(as_root_oldest) -m pytest -q tests/integration/test_plan.py tests/integration/dns/test_rfc2136_records.py tests/integration/dns/test_role.py

labs: programs  ## on real hosts, and every example; the relay on Debian 12, and with the oldest ansible-core
	$(as_root_current) -m pytest -v --durations=20 -m lab tests/integration
	@test -n '$(EXAMPLES)' || { echo 'no example has a lab.yml: nothing was tested' >&2; exit 1; }
	@# The relay: on Debian 13 relay-nat-firewall has all of it, and test_site.py runs it.
	for example in $(filter-out examples/relay/,$(EXAMPLES)); do $(lab) run "$$example"; done
	$(lab) run examples/relay --release bookworm --venv core-2.19

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

comparison: setup  ## what others say of the same broken zones: docs/comparison.md
	@tests/toolchain.sh checkers
	$(as_root_current) tests/bench/verdicts.py

screenshots: setup  ## the pictures of the verdict's page in docs/images
	@tests/toolchain.sh browser
	PYTHONPATH='$(dev)' $(current)/python tests/browser/screenshots.py

changelog: setup
	$(current)/antsibull-changelog release
