# From a fresh clone: `make run`, `make test`, `make bench`. Needs Python 3.11 or newer with venv, nothing else.

VENV := .venv
PORT ?= 8080
SAMPLE ?= yes
PYTEST_ARGS ?=
WORKERS ?= 3
DATA := data

# The newest Python that is new enough and can make a virtual environment.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$name; break; }; done)

# The tests and the bench start many processes, each of which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-long test-tools lint bench format clean

help:
	@echo "make run     serve a sample community on http://localhost:$(PORT) (SAMPLE=no: an empty one)"
	@echo "make test    run the tests (PYTEST_ARGS='tests/test_timelines.py' runs some)"
	@echo "make test-long  run those that take long: every address walked, kills, attacks, large archives"
	@echo "make lint    check style, types and which package may import which"
	@echo "make format  lay the code out the way 'make lint' wants it"
	@echo "make bench   measure the server against itself"
	@echo "make clean   remove what make installed; ./$(DATA) stays"

$(VENV)/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer with its venv module is needed (on Debian: apt-get install python3-venv)." >&2; \
		exit 1; fi
	$(PYTHON) -m venv $(VENV)

# Stamps: a second run finds everything done. They lie in the environment, so they go when it goes.
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

# The settings make it a server for people to look at: on localhost over plain http, so federation is off.
run: export FEDSERVER_DATA := $(DATA)
run: export FEDSERVER_LISTEN := 127.0.0.1:$(PORT)
run: $(VENV)/.installed
	@if [ ! -e $(DATA)/.begun ]; then \
		$(VENV)/bin/fedserver init --domain localhost:$(PORT) --url http://localhost:$(PORT) \
			--admin maren --email maren@sample.invalid \
		&& { [ "$(SAMPLE)" = no ] || $(VENV)/bin/fedserver sample; } \
		&& touch $(DATA)/.begun; fi
	@$(VENV)/bin/fedserver serve

test-tools: $(VENV)/.installed-tests
	@sh tests/tools.sh
	@$(VENV)/bin/python -m tests.peers

test: test-tools
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup -m "not long" $(PYTEST_ARGS)

test-long: test-tools
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup -m long $(PYTEST_ARGS)

lint: $(VENV)/.installed-tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.installed-tests
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.installed-tests
	$(VENV)/bin/python -m bench

clean:
	rm -rf $(VENV) tests/peers/node_modules tests/clients/js/node_modules tests/clients/.toot .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
