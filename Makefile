# make reports: set up when needed, then run the main job on the built-in sample.
# make test:    set up when needed, then check style, types, tests and notebooks.
# make test-slow: set up when needed, then the simulations and long runs that make test leaves out.

PYTHON := python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV = $(BIN)/uv --quiet

.PHONY: reports test test-slow lab lock clean

reports: $(READY)
	$(BIN)/perflib run

test: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m pytest -n logical -m "not slow" --doctest-modules tests perflib
	$(BIN)/python -m pytest --nbval-lax notebooks

test-slow: $(READY)
	$(BIN)/python -m pytest -n logical -m slow tests

lab: $(READY)
	$(BIN)/jupyter lab notebooks

# The newest version of everything: make lock UPGRADE=--upgrade
lock: $(READY)
	$(UV) pip compile pyproject.toml --all-extras --group dev --group docs --python-version 3.11 --universal --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url $(UPGRADE) -o requirements.lock >/dev/null

clean:
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find perflib tests benchmarks -name __pycache__ -exec rm -rf {} +

# uv, at the version and hashes that the lock has, installs the lock; the project itself needs no network.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
	  echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13, which perflib needs: name one, as in make PYTHON=python3.12" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	$(UV) pip sync --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock
	$(UV) pip install --python $(BIN)/python --offline --no-deps --no-build-isolation --editable .
	@touch $@
