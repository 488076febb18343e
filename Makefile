# Every target does its own set-up, once, in .venv: all it takes is make and
# Python 3.11 or later. `make study` is the one to begin with.
#
# On Linux a plain install of torch brings several GB of CUDA; for the small CPU build
# give the address of an index that has it:
#   make study TORCH_INDEX=...
# Another interpreter: make study PYTHON=/path/to/python

# The first that runs (a version manager's shim may exist and not run), is new
# enough, and can make virtual environments. 3.11 leads: constraints.txt is its.
PYTHON ?= $(shell for candidate in python3.11 python3.12 python3.13 python3 python; do \
	if $$candidate -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
	>/dev/null 2>&1; then echo $$candidate; break; fi; done)
TORCH_INDEX ?=
STUDY ?= what_did_it_memorize
STUDIES ?= paper
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
DOCS_READY := .venv/.docs-ready
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet \
	--constraint constraints.txt

.PHONY: help study studies test test-portable test-lowest test-slow lint format \
	bench bench-quick benchmark-report docs dist clean

help:
	@echo "make study      what did it memorize? report in results/ (STUDY=, ARGS=)"
	@echo "make studies    a group of studies at a laptop's scale, going on where it was stopped"
	@echo "                (STUDIES=paper, or thread)"
	@echo "make test       the tests, in a few minutes (ARGS=)"
	@echo "make test-slow  the long tests"
	@echo "make test-portable  the tests as on an older processor with a single core"
	@echo "make test-lowest  the tests with the lowest versions that pyproject.toml allows"
	@echo "make lint       ruff and mypy"
	@echo "make format     ruff, with its fixes applied"
	@echo "make bench      the benchmarks, timed (ARGS=)"
	@echo "make benchmark-report  measure everything, write docs/benchmarks.md"
	@echo "make docs       the documentation, into build/docs/index.html, checked"
	@echo "make dist       sdist and wheel, into dist/, checked"
	@echo "make clean      remove the environment, caches and results"

study: $(READY)
	$(BIN)/python -m studies run $(STUDY) $(ARGS)

# Killed, it goes on from the store.
studies: $(READY)
	$(BIN)/python -m studies run --group $(STUDIES) --store results/store $(ARGS)
	$(BIN)/python -m studies report --group $(STUDIES)

# A file at a time, so that what its tests share is made once.
QUICK := -m pytest -n 2 --dist loadfile -m "not slow and not timing"

# Two at a time; then, alone, those that compare timings.
test: $(READY)
	$(BIN)/python $(QUICK) $(ARGS)
	$(BIN)/python -m pytest -m "timing and not slow" $(ARGS)

# An older processor: no AVX-512, no vector kernels of torch's own, one thread. These
# variables alone do not show what another processor's rounding would; each test that
# compares trained numbers says by how much its numbers may move.
OLDER := OMP_NUM_THREADS=1 ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=AVX2 \
	MKL_ENABLE_INSTRUCTIONS=AVX2
ifeq ($(shell uname -m),x86_64)
OLDER += NUMBA_CPU_NAME=x86-64-v3 \
	NUMBA_CPU_FEATURES=+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse4.2
endif

# What no processor changes is left out here: words, files and pictures.
SAME_ANYWHERE := command_line identity plotting studies test_packaging.py
PORTABLE := $(SAME_ANYWHERE:%=--ignore=tests/%)

test-portable: $(READY)
	$(OLDER) $(BIN)/python $(QUICK) $(PORTABLE) $(ARGS)

# What old libraries deprecate in one another is not ours. Wheels are built and
# installed by no library of ours.
test-lowest: .venv-lowest/.ready
	.venv-lowest/bin/python $(QUICK) --ignore=tests/test_packaging.py \
		-W default::DeprecationWarning $(ARGS)

# Two at a time; then, alone, those that compare timings.
test-slow: $(READY)
	$(BIN)/python -m pytest -n 2 -m "slow and not timing" $(ARGS)
	$(BIN)/python -m pytest -m "slow and timing" $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m pytest benchmarks --benchmark-enable $(ARGS)

# Every benchmark once, untimed: do they still run?
bench-quick: $(READY)
	$(BIN)/python -m pytest benchmarks --benchmark-disable $(ARGS)

# Peers that are not installed are left out. JAX: .venv/bin/pip install jax; pyDVL asks
# for NumPy 1 but runs on 2 if installed with --no-deps, its other needs by name.
benchmark-report: $(READY)
	$(BIN)/python -m benchmarks.report $(ARGS)

# Warnings are errors. The gallery is run anew where its code has changed.
docs: $(DOCS_READY)
	rm -rf build/docs docs/api
	$(BIN)/python -m sphinx -W --keep-going -q docs build/docs $(ARGS)
	$(BIN)/python docs/check_site.py build/docs

dist: $(DOCS_READY)
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

# torch comes first and by itself, so that nothing else gets to choose its build;
# hatchling with it, so that our own build needs no second download.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: found no Python >= 3.11 with venv;" \
		"install one (Debian: python3-venv) or give PYTHON=..." >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON), once; this takes a few minutes"
	$(PYTHON) -m venv --clear .venv
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) hatchling editables
	$(PIP) --no-build-isolation --editable ".[dev]"
	@touch $@

$(DOCS_READY): $(READY)
	$(PIP) --no-build-isolation --editable ".[dev,docs,dist]"
	@touch $@

.venv-lowest/.ready: pyproject.toml .ci/lowest
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip --disable-pip-version-check install --quiet \
		$(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==$(shell \
		sed -n 's/^ *"torch>=\([0-9.]*\)".*/\1/p' pyproject.toml)
	$(PYTHON) .ci/lowest > .venv-lowest/requirements.txt
	.venv-lowest/bin/python -m pip --disable-pip-version-check install --quiet \
		--requirement .venv-lowest/requirements.txt editables
	.venv-lowest/bin/python -m pip --disable-pip-version-check install --quiet \
		--no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf .venv .venv-lowest .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks results \
		build dist docs/api docs/auto_examples
