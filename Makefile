# The habits, by name. Everything is installed into .venv; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin
FLASK := $(BIN)/flask --app wsgi
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
RUN_STAMP := .venv/.run
DEV_STAMP := .venv/.dev

.PHONY: run call setup test test-live chaos lint audit bench format screenshots clean help
.DEFAULT_GOAL := run

run: setup  ## Start web and worker, with the demo loaded the first time. Ctrl-C ends them.
	@PATH="$(CURDIR)/$(BIN):$$PATH"; export PATH; port="$$(flask --app wsgi port)" || exit 1; \
	  echo "voiceapp starts. Sign in at http://127.0.0.1:$$port/admin/ or try a call: make call FROM=+12025550101 TO=+12025550180"; \
	  (trap '' HUP; exec honcho --env /dev/null start --port "$$port") & \
	  trap "kill -TERM $$! 2>/dev/null" HUP INT TERM; wait; wait

call: setup  ## Try a call: make call FROM=+12025550101 TO=+12025550180 [PRESS=1,1001#] [DRAFT=1] [JSON=1]
	@$(if $(filter undefined,$(origin FROM) $(origin TO)),$(error Say who calls whom: make call FROM=+12025550101 TO=+12025550180))
	@$(FLASK) call "$(FROM)" "$(TO)" $(if $(filter undefined,$(origin PRESS)),,--press "$(PRESS)") \
	  $(if $(filter-out 0 no,$(DRAFT)),--draft) $(if $(filter-out 0 no,$(JSON)),--json)

setup: $(RUN_STAMP)  ## Bring the database up to date; load the demo into an empty one, unless EMPTY=1.
	@$(FLASK) setup $(if $(filter-out 0 no,$(EMPTY)),--empty)

test: $(DEV_STAMP)  ## Run all tests.
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-live: $(DEV_STAMP)  ## Start a real Odoo 19 and ask it. What can't be obtained is said, and fails nothing.
	$(BIN)/python -m pytest tests/live -m live -rs

chaos: $(DEV_STAMP)  ## Break everything under load, for some minutes, and print what callers met.
	$(BIN)/python -m pytest tests/chaos -m chaos

lint: $(DEV_STAMP)  ## Check format, lint, types and security.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy voiceapp wsgi.py bench
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive --severity-level medium voiceapp wsgi.py gunicorn.conf.py

audit: $(DEV_STAMP)  ## Ask whether a dependency has a known vulnerability.
	$(BIN)/python -m tests.advisories

format: $(DEV_STAMP)  ## Put every file into the one format.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV_STAMP)  ## Measure against other ways: make bench [PAIRS=9] [SECONDS=4] [ONLY=warm]
	@command -v wrk >/dev/null && command -v npm >/dev/null || { echo "Install wrk and Node with npm, then try again."; exit 1; }
	@cd bench/express && npm ci --silent --no-audit --no-fund
	@$(BIN)/python -m bench $(if $(PAIRS),--pairs "$(PAIRS)") $(if $(SECONDS),--seconds "$(SECONDS)") \
	  $(if $(ROWS),--rows "$(ROWS)") $(if $(ONLY),--only "$(ONLY)")

screenshots: $(DEV_STAMP)  ## Take pictures of all pages: build/screenshots, and the README's.
	$(BIN)/python -m tests.browser.screenshots docs/screenshots

clean:  ## Remove what was installed or built; what is in instance/ stays.
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis

help:  ## Say what there is.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("voiceapp needs Python 3.11 or newer. Try: make PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Install python3-venv, then try again."; exit 1; }

$(RUN_STAMP): .venv/bin/python requirements.txt constraints.txt
	@echo "Installing what runs voiceapp …"
	$(INSTALL) -r requirements.txt
	@touch $@

$(DEV_STAMP): $(RUN_STAMP) requirements-dev.txt
	@echo "Installing what tests voiceapp …"
	$(INSTALL) -r requirements-dev.txt
	@touch $@
