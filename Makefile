# Every command of the project. `make` alone lists them; each one does its own set-up.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
CODE   := agent protocols buffer config evidence inventory isms
UV     := $(BIN)/uv

# The tests start hundreds of Pythons: each would compile every source again where somebody's shell says that bytecode must not be kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix lint types imports documented peers lock faults fuzz golden pages schema clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Byte-compiled on purpose: without .pyc files asyncua costs 800 ms and 90 MB at every start of a child process.
$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nameplated needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q -j 0 $(VENV)/lib
	@touch $@

setup: $(STAMP) ## virtual environment with every locked, hashed dependency

demo: $(STAMP) ## a plant in a box: devices, both roles, a broker and the receiver, live
	$(BIN)/nameplated demo $(DEMO)

# One process more than there are cores: a third of a test's time is waiting.
test: $(STAMP) ## the fast tests (5 minutes on two slow cores); TEST=tests/buffer for some of them
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(TEST)

check: $(STAMP) lint types imports documented units-check ## all before a commit: format, lint, types, law of imports, docs, what systemd says of the units

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports --no-cache

documented: $(STAMP)
	$(BIN)/interrogate --quiet $(CODE)

fix: $(STAMP) ## format, and mend what lint can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

peers: $(STAMP) ## run the line against servers that this project did not write (needs npm and a C compiler)
	$(BIN)/python -m tests.peers $(PEERS)

lock: $(STAMP) ## resolve the dependencies anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements.lock
	$(UV) pip compile pyproject.toml --extra isms --extra operator --extra demo --extra test --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-dev.lock
	$(UV) pip compile --group docs --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-docs.lock

include packaging/targets.mk
include docs/targets.mk

fuzz: $(STAMP) ## fuzz every decoder of foreign Modbus bytes, 20 s each (FUZZ=seconds)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3,<4'
	$(BIN)/python -m tests.fuzz --seconds $(or $(FUZZ),20)

faults: $(STAMP) ## the fault campaign: kills, power cuts, full disks, bit rot, dead brokers (about an hour)
	$(BIN)/python -m tests.faults $(FAULTS)

golden: $(STAMP) ## write what is generated from the kinds of report anew: schemas, vectors, AsyncAPI, docs/kinds.md
	$(BIN)/python -m evidence.forms
	$(BIN)/python -m devtools.vectors
	$(BIN)/python -m devtools.asyncapi
	$(BIN)/python -m devtools.kinds

pages: $(STAMP) ## write the generated pages anew, and take every screen of the others
	$(BIN)/python -m devtools.read_only
	$(BIN)/python -m devtools.devices
	$(BIN)/python -m devtools.screens

schema: $(STAMP) ## write the JSON Schema of the plant file anew
	$(BIN)/python -m config.schema > config/plant.schema.json

clean: ## remove everything that was made
	rm -rf $(VENV) $(DOCS_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .peers
