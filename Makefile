# The commands of a working day. PYTHON is that of the environment with `.[dev]` installed.
PYTHON ?= .venv/bin/python
CORE = tests/test_boundaries.py tests/ledger tests/ingest tests/golden tests/console/kit \
	tests/console/test_console_boundaries.py

.PHONY: setup check lint types layers core test long bench shots figures

setup: ## an environment with all that is needed here
	python3 -m venv .venv
	.venv/bin/pip install --quiet --editable '.[dev]'

check: lint types layers core ## all that can be checked in a minute

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

layers: ## which wing may import which: pyproject.toml, tool.importlinter
	$(dir $(PYTHON))lint-imports

core:
	$(PYTHON) -m pytest -q $(CORE)

test: ## what the README's second command runs
	$(PYTHON) -m pytest -q

long: ## a kill and a failure at every single statement, deep property tests: some minutes
	$(PYTHON) -m pytest -q -m long

bench: ## ratios against named peers in the same run
	$(PYTHON) -m bench.ledger
	$(PYTHON) -m bench.cycle
	$(PYTHON) -m bench.console

shots: ## the README's pictures anew
	$(PYTHON) -m docs.screenshots

figures: ## the structure of this tree: lines, functions, concepts, arrows, circles
	$(PYTHON) -m bench.structure
