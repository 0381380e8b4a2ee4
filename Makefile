# Every target makes what it needs; a second call does only what is new.
#   make setup       .venv with the versions of constraints.txt
#   make book        run every replication and lesson, then build book/_build/html
#                    (PRESET=smoke for a first look; PAPERS="one another" for some)
#   make test        the tests; make test-slow: those that take minutes, too
#   make lint        formatting, rules, types, import contracts
#   make bench       speed of the library beside others (DEVICE=cuda: on a GPU)
#   make drill       kills, full disks, bad files, bad networks, leaks: what the tests are too quick for
#   make audit       known vulnerabilities of the versions in constraints.txt; needs the network
#   make clean       remove the built book and the tools' caches; .venv and results/ stay
.PHONY: setup book test test-slow lint bench drill audit clean
.DELETE_ON_ERROR:

PYTHON ?= python3
PRESET ?= book
PAPERS ?=
DEVICE ?= cpu
EXTRAS := book,test,peers,course,distributed

export VIRTUAL_ENV := $(CURDIR)/.venv
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)
PYTHONHOME :=
unexport PYTHONHOME

# uv does not read pip's settings: what pip was told, uv is told.
empty :=
space := $(empty) $(empty)
comma := ,
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(subst $(space),$(comma),$(strip $(PIP_FIND_LINKS)))
endif
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_EXTRA_INDEX_URL
export UV_INDEX ?= $(PIP_EXTRA_INDEX_URL)
export UV_INDEX_STRATEGY ?= unsafe-best-match
endif

READY := .venv/.ready
AUDIT := .venv/audit/bin/pip-audit

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "Innerview needs Python 3.11 or newer, $(PYTHON) is %d.%d: make setup PYTHON=python3.12" % v[:2])'
	@rm -f $@
	@if command -v uv >/dev/null; then set -x; \
	    test -x .venv/bin/python || uv venv --quiet --python $(PYTHON) .venv; \
	    uv pip install --python .venv/bin/python -c constraints.txt -e '.[$(EXTRAS)]'; \
	else set -x; \
	    test -x .venv/bin/pip || $(PYTHON) -m venv .venv; \
	    .venv/bin/pip install --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'; \
	fi
	@touch $@

book: $(READY)
	innerview replicate $(or $(PAPERS),--all) --preset $(PRESET)
	innerview course run
	innerview book build --preset $(PRESET)

test: $(READY)
	pytest --numprocesses=2 --dist=loadfile

test-slow: $(READY)
	pytest -m "slow or not slow"

lint: $(READY)
	ruff check
	ruff format --check
	basedpyright
	lint-imports

bench: $(READY)
	pytest tests/benchmarks --device $(DEVICE) -o python_files="bench_*.py" --benchmark-disable-gc --benchmark-autosave

drill: $(READY)
	pytest tests/drills -o python_files="drill_*.py" --numprocesses=2

audit: $(AUDIT)
	$(AUDIT) -r constraints.txt --no-deps --disable-pip --strict

# It has an environment of its own, so that what it needs is not among what it looks at.
$(AUDIT): | $(READY)
	@if command -v uv >/dev/null; then set -x; \
	    uv venv --quiet .venv/audit && uv pip install --quiet --python .venv/audit/bin/python pip-audit; \
	else set -x; \
	    python -m venv .venv/audit && .venv/audit/bin/pip install --quiet --disable-pip-version-check pip-audit; \
	fi

clean:
	rm -rf book/_build book/_generated .pytest_cache .ruff_cache .benchmarks .import_linter_cache
