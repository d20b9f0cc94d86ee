# Two commands do all set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Waiting threads that spin cost up to ten times on shared cores; torch reads this when it is imported.
export OMP_WAIT_POLICY := passive
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint serve bench bench-encode calibration docs hook screenshots screens pins tools clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

demo: $(STAMP) tools  ## five released versions of a real image-text embedding, in build/demo
	@$(BIN)/python examples/emoji/demo.py

test: $(STAMP) tools lint  ## lint, types and every test
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup

lint: $(STAMP)  ## ruff and strict mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

serve:  ## open the demo's changelog on http://127.0.0.1:8000/
	@test -f build/demo/build/site/index.html || { echo "no site yet: make demo" >&2; exit 3; }
	$(BIN)/embver -C build/demo site --serve

docs: $(STAMP)  ## build the project's own site into build/site; after `make demo` with its changelog as an example
	$(BIN)/python examples/reference.py
	$(BIN)/python examples/docs.py

screenshots: $(STAMP)  ## take the pictures of README and docs anew (after make demo)
	$(BIN)/python examples/screenshots.py

screens: $(STAMP) tools  ## pictures of every kind of page at three widths, light and dark, in build/screens
	$(BIN)/python -m pytest -q -m screens tests/site/test_site_screens.py

bench: $(STAMP) tools  ## measure side by side with the peers; see benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.listing
	$(BIN)/python -m benchmarks.cards
	$(BIN)/python -m benchmarks.hooks
	$(BIN)/python -m benchmarks.releasing
	$(BIN)/python -m benchmarks.simulation
	$(BIN)/python -m benchmarks.compat --sizes 4096 10000
	$(BIN)/python -m benchmarks.significance
	$(BIN)/python -m benchmarks.tracing
	$(BIN)/python -m benchmarks.ablation
	$(BIN)/python -m benchmarks.planted
	$(BIN)/python -m benchmarks.site

bench-encode: $(STAMP) tools  ## measure the encode step side by side with its limits and its peers; on a quiet machine
	$(BIN)/python -m benchmarks.encode all

calibration: $(STAMP)  ## judge a ladder of changes of a real encoder and try each on a live index; long, goes on where it stopped
	$(BIN)/python -m benchmarks.calibration

hook: $(STAMP) tools  ## pre-commit installs embver by itself and runs its hooks (needs the package registry)
	$(BIN)/python -m pytest -q -m registry tests/test_precommit.py

tools:
	@$(SHELL) tools/need.sh

# torch goes first, alone and exactly: any other range lets pip fetch the build for accelerators, gigabytes of it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 3; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install -q "pip>=25.1"
	@$(BIN)/python -m pip install -q "$$(grep '^torch==' constraints.txt)"
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[encode,audio,remote,site,guard,ray]' --group dev --group demo --group bench --group clients
	@touch $@

pins:  ## write constraints.txt anew from the newest of everything
	$(SHELL) tools/pins.sh

clean:  ## remove what was built, the environment too
	rm -rf build dist $(VENV)
