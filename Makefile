# `make` alone lists the targets. Everything is installed into .venv, through constraints.txt; nothing outside this
# folder is touched, and nothing is installed again before pyproject.toml or constraints.txt changes.

.DEFAULT_GOAL := help
.PHONY: help demo env test faults lint format bench lab lab-sweeps lab-full docs clean

USABLE := import sys, venv; sys.exit(not (3, 11) <= sys.version_info)
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c '$(USABLE)' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input --no-compile -c constraints.txt
# pip compiles on one processor, and what no process imports stays as it is: tests, a quarter of all, and templates.
COMPILE := $(BIN)/python -m compileall -q -j 0 -x '/(tests?|templates)/' $(VENV)/lib >/dev/null 2>&1 || true
ARGS ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.light ## install what `pip install expunge` brings (no torch) and show the main job
	@$(BIN)/expunge demo $(ARGS)

env: $(VENV)/.full ## install all extras and the tools of development

test: $(VENV)/.full ## run every check, style and types included, in an environment with all extras; ARGS="-k ids" chooses tests
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal --durations 20 --durations-min 1 $(ARGS)

faults: $(VENV)/.full ## run the slow tests too: workspaces killed at every instant, every instance of the contract, audits in number
	@$(BIN)/python -m pytest --slow -s tests/workspace tests/checks tests/audit tests/lab tests/methods tests/privacy $(ARGS)

lint: $(VENV)/.full ## check style (ruff) and types (mypy)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.full ## rewrite the sources in the style that lint checks
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.full ## run the short benchmarks and write benchmarks/results.md
	@$(BIN)/python benchmarks/run.py $(ARGS)

lab: $(VENV)/.full ## run the small matrix of the laboratory (at most 100 cells) and write docs/lab; EXPUNGE_DATA names the folder of data
	@$(BIN)/python docs/lab/reference.py $(ARGS)

lab-sweeps: $(VENV)/.full ## run every sweep of the laboratory and write docs/lab/sweeps.md
	@$(BIN)/python docs/lab/sweeps.py $(ARGS)

lab-full: $(VENV)/.full ## run the large matrix, for a machine with a GPU (EXPUNGE_DEVICE=cuda) and all the data
	@$(BIN)/expunge lab run full --out build/lab-full --jobs $(or $(JOBS),2) $(ARGS)
	@$(BIN)/expunge lab report build/lab-full

docs: $(VENV)/.full ## build the pages and the reference as a static site in build/site
	@$(BIN)/python docs/build.py build/site

clean: ## remove everything that make has made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests docs benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Debian keeps ensurepip, which puts pip into a new environment, in a package of its own: without it the pip outside
# installs the one inside.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or later was found. Install one, or: make PYTHON=/path/to/python"; exit 1; }
	@echo "Making an environment in $(VENV) with $(PYTHON)."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-input pip; }
	@touch $@

# The build backend comes first and is used as installed, so that constraints.txt pins it too.
$(VENV)/.light: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing expunge without extras."
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.full: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing expunge with all extras and the tools of development, about 2 GB. This takes a few minutes."
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation -e '.[all,test]'
	@$(COMPILE)
	@touch $(VENV)/.light $@
