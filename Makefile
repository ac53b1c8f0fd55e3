# The habits, by name. Everything is installed into .venv; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin
FLASK := $(BIN)/flask --app wsgi
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
RUN_STAMP := .venv/.run
DEV_STAMP := .venv/.dev

.PHONY: run call test lint format setup clean
.DEFAULT_GOAL := run

run: setup  ## Start web and worker, with the demo loaded the first time.
	@echo "voiceapp starts. Try a call: make call FROM=+12025550101 TO=+12025550180"
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec $(BIN)/honcho start \
	  --port "$$($(BIN)/python -c 'from voiceapp import config; print(config.load().port)')"

call: setup  ## Try a call: make call FROM=+12025550101 TO=+12025550180 [PRESS=1,1001#] [JSON=1]
	@$(if $(and $(FROM),$(TO)),,$(error Say who calls whom: make call FROM=+12025550101 TO=+12025550180))
	@$(FLASK) call "$(FROM)" "$(TO)" $(if $(filter undefined,$(origin PRESS)),,--press "$(PRESS)") \
	  $(if $(DRAFT),--draft) $(if $(JSON),--json)

setup: $(RUN_STAMP)  ## Bring the database up to date; load the demo into an empty one.
	@$(FLASK) db upgrade
	@$(FLASK) demo --quiet

test: $(DEV_STAMP)  ## Run all tests.
	$(BIN)/python -m pytest

lint: $(DEV_STAMP)  ## Check format, lint and types.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy voiceapp wsgi.py

format: $(DEV_STAMP)  ## Put every file into the one format.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove what was installed; what is in instance/ stays.
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -m venv .venv

$(RUN_STAMP): .venv/bin/python requirements.txt constraints.txt
	@echo "Installing what runs voiceapp …"
	$(INSTALL) -r requirements.txt
	@touch $@

$(DEV_STAMP): $(RUN_STAMP) requirements-dev.txt
	@echo "Installing what tests voiceapp …"
	$(INSTALL) -r requirements-dev.txt
	@touch $@
