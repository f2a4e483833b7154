# One command is the truth for laptop, hook and CI: `make test`. Needs Python 3.11 or newer with venv and pip, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEED ?= 1
FUZZ_SECONDS ?= 600
FUZZ_SEED ?=
DEMO := demo/logs
DEMO_STAMP := demo/.seed-$(SEED)
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ORACLE := tests/oracle/node_modules/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup oracle test fuzz demo docs sigma bench evaluate tuning lock clean

help: ## List what one can ask for
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## Make the private environment in .venv from the lock file, if it is not there or is out of date

test: setup $(if $(shell command -v npm),$(ORACLE)) ## Run every check and every test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

fuzz: setup ## Try random queries and texts for FUZZ_SECONDS, 600 by default; FUZZ_SEED=N repeats a round
	$(BIN)/python tests/fuzz.py $(FUZZ_SECONDS) $(FUZZ_SEED)

oracle: $(ORACLE) ## Install Microsoft's own parser, which the tests ask for a second opinion; it needs npm

demo: $(DEMO_STAMP) ## Make a day of telemetry with a bot, a relay and a flood in it, and hunt through it
	$(BIN)/herdsight hunt $(DEMO)

docs: setup ## Write the pages of what of KQL runs here, of the rules and of the guidance, and the README's table of these
	$(BIN)/python docs/make_kql.py
	$(BIN)/python docs/make_rules.py
	$(BIN)/python docs/make_guidance.py

sigma: $(VENV)/.clickhouse ## Write what of the export to Sigma behaves into docs/exports.md; installs half a gigabyte
	$(BIN)/python docs/make_sigma.py

bench: setup ## Run the benchmarks and print their tables
	@for script in benchmarks/[a-z]*.py; do $(BIN)/python "$$script" || exit 1; done

evaluate: setup ## Write docs/evaluation.md, what is found of what is true; DATA names the folder of the captures
	$(BIN)/python docs/make_evaluation.py $(DATA)

tuning: setup ## Write docs/tuning-effects.md, what each knob of the rules changes; DATA names the folder of the captures
	$(BIN)/python docs/make_tuning_effects.py $(DATA)

# Only who changes the dependencies needs uv; it lives in a folder of its own and is no part of the lock.
LOCK := $(VENV)/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' --group build

lock: ## Resolve the dependencies anew and write them, pinned and hashed, into requirements/
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip --disable-pip-version-check -qq install uv
	$(LOCK) --upgrade --group dev --output-file requirements/dev.txt
	$(LOCK) --upgrade --constraint requirements/dev.txt --no-annotate --output-file requirements/runtime.txt
	$(VENV)/lock/bin/uv pip compile --group pyproject.toml:clickhouse --quiet --universal --python-version 3.13 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		--upgrade --constraint requirements/dev.txt --no-annotate --output-file requirements/clickhouse.txt
	rm -r $(VENV)/lock

clean: ## Remove everything that was made here: environment, demo, caches
	rm -rf $(VENV) demo build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf $(dir $(ORACLE))
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's Python comes without ensurepip; its pip can fill an environment from outside.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Herdsight needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
		else $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -qq pip; fi \
		|| { echo "Python cannot make an environment here; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/.python
	@echo "Installing into $(VENV), once; this takes about a minute"
	@$(PIP) install --require-hashes --requirement requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

# The backend asks for Python 3.13 and runs on 3.11.
$(VENV)/.clickhouse: requirements/clickhouse.txt $(VENV)/.dev
	@$(PIP) install --require-hashes --ignore-requires-python --requirement requirements/clickhouse.txt
	@touch $@

# Without it those tests skip, so that a registry out of reach fails nothing.
$(ORACLE): tests/oracle/package.json tests/oracle/package-lock.json
	@if npm ci --prefix tests/oracle --ignore-scripts --no-audit --no-fund --silent; then touch $@; \
		else echo "npm cannot install Microsoft's parser: the tests that ask it will skip" >&2; fi

# The same seed writes the same bytes, so a day that is there is not made again.
$(DEMO_STAMP): $(VENV)/.runtime $(wildcard src/herdsight/simulation/*.py src/herdsight/simulation/*/*.py src/herdsight/logs/*.py src/herdsight/logs/*/*.py)
	rm -rf demo
	$(BIN)/python -m herdsight.simulation.day demo --seed $(SEED)
	@touch $@
