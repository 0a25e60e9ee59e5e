# GNU make 3.81 or newer. `make help` prints the lines that carry a double-hash comment.

PYTHON ?= python3
WORKERS ?= 2
DAYS ?= 2024-12-31 2025-06-30 2025-12-31

BIN := .venv/bin
READY := .venv/.ready
ENGINES := .venv/.engines

# One plotting cache, filled by `make env`, so that no run says "building the font cache" in its output.
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib
# The project's own python3 kernel comes before one of the same name in the user's home.
export JUPYTER_PREFER_ENV_PATH := 1

# Runs that must give the same bytes on every machine: no user profile, fixed hashing, one thread each.
STABLE = OMP_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE= \
	IPYTHONDIR="$(CURDIR)/.venv/ipython" JUPYTER_RUNTIME_DIR="$(CURDIR)/.venv/jupyter"

.PHONY: help env lab params reports library changes backtest notebooks test lint lock bench clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY) ## Build .venv from requirements.lock (the targets below do it when needed)

lab: $(READY) ## Open JupyterLab on the start page, with the project's kernel
	@mkdir -p .venv/share/jupyter/lab/settings && cp docs/jupyterlab.json .venv/share/jupyter/lab/settings/overrides.json
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/README.md $(ARGS)

params: $(READY) ## Print every notebook's parameters: type, default, unit, allowed values
	$(BIN)/python -m helpers.reports --params

reports: $(READY) ## Run every notebook of notebooks/runs.yml and write reports/
	$(STABLE) $(BIN)/python -m helpers.reports $(ARGS)

library: $(READY) ## Read new articles of FOLDER (default data/documents), judge every number in them
	@mkdir -p data/documents && $(BIN)/python -m helpers.desk add --folder "$(or $(FOLDER),data/documents)" $(ARGS)

changes: $(READY) ## Say what changed in the last reports, and why
	@$(BIN)/python -m helpers.reports --changes $(ARGS)

backtest: $(READY) ## Make the reports of earlier days (DAYS="2025-06-30 ...") and judge what they said
	$(STABLE) $(BIN)/python -m helpers.reports $(foreach day,$(DAYS),--as-of $(day)) $(ARGS)

notebooks: $(READY) ## Execute the notebooks in place: their stored outputs become the reference
	$(STABLE) $(BIN)/python -m jupyter nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False --ExecutePreprocessor.timeout=120 \
		$(or $(NOTEBOOK),notebooks/*.ipynb)

test: $(READY) $(ENGINES) ## Run the unit tests and compare every notebook with its stored outputs
	$(STABLE) $(BIN)/python -m pytest -n $(WORKERS) $(ARGS) </dev/null

lint: $(READY) ## Check style, layers and notebook rules without starting a kernel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_notebooks.py

# Universal: one lock for Linux, macOS and Windows. Fewest: the same versions on every Python, so that
# stored outputs agree. Not --quiet: uv only warns when it cannot read the override in pyproject.toml.
lock: $(READY) ## Resolve pyproject.toml again into requirements.lock and tests/engines.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --group build --upgrade \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-annotate \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements.lock >/dev/null
	$(BIN)/uv pip compile --group pyproject.toml:engines --upgrade \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-annotate \
		--no-emit-index-url --custom-compile-command "make lock" --output-file tests/engines.lock >/dev/null

bench: $(READY) ## Run every file of benchmarks/
	@set -e; for file in $(wildcard benchmarks/*.py); do \
		echo "== $$file"; OMP_NUM_THREADS=1 $(BIN)/python "$$file"; done

clean: ## Remove .venv and every cache (reports stay)
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv comes from the lock too, checked by its hash. It installs in parallel and compiles at once; where
# it cannot reach the package index (it does not read every pip setting), pip installs the same files.
$(READY): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "make: no '$(PYTHON)' here; install Python 3.11 or newer, or say: make PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: Python 3.11 or newer is needed and '$(PYTHON)' is older; say: make PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "make: '$(PYTHON)' cannot make environments; install its venv package (Debian, Ubuntu:" \
		"apt install python3-venv)"; exit 1; }
	"$(PYTHON)" -m venv --clear .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >.venv/uv.txt
	@index="$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null || true)}"; \
	[ -z "$$index" ] || export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}"; \
	export UV_COMPILE_BYTECODE=1; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt \
	&& $(BIN)/uv pip install --python $(BIN)/python --require-hashes --no-deps -r requirements.lock \
	|| { echo "make: uv could not install the lock; pip does it now (slower)"; \
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r requirements.lock; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -c 'import matplotlib.font_manager'
	@touch $@

# Spark, for the tests that run a distributed engine for real, and what drives a browser. They lie beside the
# environment and not in it: pandera imports whatever Spark it finds, which costs every notebook a second and a warning.
# Java and Chromium come from the system's packages where that is possible; the tests say what they lack.
$(ENGINES): tests/engines.lock $(READY)
	@rm -rf .venv/engines
	@index="$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null || true)}"; \
	[ -z "$$index" ] || export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}"; \
	$(BIN)/uv pip install --python $(BIN)/python --target .venv/engines --require-hashes --no-deps -r tests/engines.lock \
	|| { echo "make: uv could not install tests/engines.lock; pip does it now (slower)"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target .venv/engines --upgrade \
		--require-hashes --no-deps -r tests/engines.lock; }
	@java -version >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	&& echo "make: installing Java for the tests with Spark" \
	&& ( export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
	apt-get -qq install -y --no-install-recommends openjdk-17-jre-headless \
	|| apt-get -qq install -y --no-install-recommends default-jre-headless ) >/dev/null 2>&1; } \
	|| echo "make: no Java here (17 or newer): the tests with Spark will be skipped"
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	&& echo "make: installing Chromium for the tests in a browser" \
	&& ( export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
	apt-get -qq install -y --no-install-recommends chromium ) >/dev/null 2>&1; } \
	|| echo "make: no Chromium here: the tests in a browser will be skipped"
	@touch $@
