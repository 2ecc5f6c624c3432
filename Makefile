.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

.PHONY: help install run test check bench chaos soak lock migration schema shapes graphiql status

help:  ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## The virtual environment with all that the project needs

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tandem needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@echo "Installing into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(INSTALLED)  ## Everything on this machine, in the foreground: make run ARGS="--port 9000"
	@exec $(BIN)/tandem up $(ARGS)

test: $(INSTALLED)  ## All tests, side by side and on servers of their own; or some: make test ARGS="tests/unit"
	@$(BIN)/python -m pytest $(or $(ARGS),$(SIDE_BY_SIDE))

check: $(INSTALLED)  ## Lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(INSTALLED)  ## The speed claims, as ratios measured in one run
	@$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(INSTALLED)  ## Faults by the hundred under load, and what was lost: make chaos ARGS="--kills 500"
	@$(BIN)/python -m tests.e2e.chaos $(ARGS)

soak: $(INSTALLED)  ## Many subscribers and steady commands; memory and open files meanwhile: make soak ARGS="--minutes 60"
	@$(BIN)/python -m tests.e2e.chaos.soak $(ARGS)

lock:  ## Pin the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--quiet --all-extras --upgrade pyproject.toml -o requirements.lock

migration: $(INSTALLED)  ## Draft a migration: make migration STORE=read MESSAGE="Add a view of refunds"
	@test -n "$(STORE)" -a -n "$(MESSAGE)" || { echo 'make migration STORE=read MESSAGE="Add a view of refunds"'; exit 2; }
	@file=$$($(BIN)/tandem draft-migration $(STORE) "$(MESSAGE)") && $(BIN)/ruff format --quiet $$file && echo $$file

schema: $(INSTALLED)  ## Write api/schema.graphql anew, after a change of the API
	@$(BIN)/tandem schema > api/schema.graphql

shapes: $(INSTALLED)  ## Note the shapes of facts in domain/shapes.json, after a fact was added or has a new version
	@$(BIN)/python -m tests.support.shapes

graphiql:  ## Build the GraphiQL page anew from its source (needs Node)
	cd api/graphiql/source && npm ci && npm run build

status:  ## Build the status page anew from its source (needs Node)
	cd api/status_page/source && npm ci && npm run build
