# Cellar: keeps PyPI next to the CI machines that hammer it.
#
#   make up      a whole appliance in a local container, tried by real clients
#   make test    every check
#
# Both install what they need (as root, on Debian) and can be run again at once.

SHELL := /bin/sh
# Not every user has a home.
export ANSIBLE_HOME := $(CURDIR)/.cellar/ansible
.DEFAULT_GOAL := help
.PHONY: help up down test lint unit browser fuzz molecule bench lock clean

help: ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

up: ## Bring up an appliance in a local container, run pip and uv through it, show what it saved
	@scripts/bootstrap --for-containers
	@.venv/bin/python scripts/trial up

down: ## Remove the appliance of `make up`; image, .venv and wheels stay
	@scripts/bootstrap --for-containers
	@.venv/bin/python scripts/trial down

test: ## Run every check
	@scripts/test

lint: ## Run the formatter's check, the linters and the type checker
	@scripts/bootstrap
	@scripts/lint

unit: ## Run the tests that need no container
	@scripts/bootstrap
	@.venv/bin/pytest --numprocesses=auto --dist=worksteal

browser: ## Look at the report's page in a headless Chromium; pictures stay in .cellar/report
	@scripts/bootstrap --for-browser
	@.venv/bin/pytest tests/browser

fuzz: ## Look for bytes that the readers of pages cannot bear, for 5 minutes
	@scripts/fuzz 300

molecule: ## Run the molecule scenarios
	@scripts/bootstrap --for-containers
	@PATH="$(CURDIR)/.venv/bin:$$PATH" molecule test --all

bench: ## Measure the appliance beside proxpi and devpi (23 minutes); BENCH="--help" shows switches
	@scripts/bootstrap --for-containers
	@PYTHONPATH=tests:scripts/trial .venv/bin/python -m bench $(BENCH)

lock: ## Lock the Python requirements anew
	@scripts/bootstrap
	@PATH="$(CURDIR)/.venv/bin:$$PATH" scripts/lock

clean: ## Remove everything generated; images and wheels too, which all checkouts of this machine share
	@scripts/clean
