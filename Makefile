# Everything a person needs; each target brings what it needs with it.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
DOCS ?=
DEMO_PORT ?= 3000

.DEFAULT_GOAL := help
.PHONY: help install dev demo test test-train test-live lint bench clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: .venv/installed ## Make .venv with everything that runs, at the locked versions

demo: .venv/installed ## Run the whole bot in a page of your browser; DOCS=folder asks your own documents
	.venv/bin/footnote demo --port $(DEMO_PORT) $(if $(DOCS),--docs "$(DOCS)")

test: .venv/developing ## Run the tests
	.venv/bin/python -m pytest -n auto

test-train: .venv/developing .train/ready ## Train tiny models on a real export; keeps 2 GB in .train
	FOOTNOTE_TEST_TRAINING=1 .venv/bin/python -m pytest tests/training

.train/ready: tests/training/requirements.txt
	$(PYTHON) -m venv .train
	.train/bin/pip install --quiet "$$(grep '^torch==' $<)"
	.train/bin/pip install --quiet -r $<
	touch $@

test-live: .venv/developing ## Run the tests that ask real services; needs ANTHROPIC_API_KEY, PINECONE_API_KEY or both, and costs cents
	.venv/bin/python -m pytest -m live

lint: .venv/developing ## Check style and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: .venv/developing ## Measure; takes some ten minutes
	@$(UV) sync --quiet --locked --inexact --group bench --python $(shell command -v $(PYTHON))
	.venv/bin/python -m bench

clean: ## Remove what make made; state under .footnote/ stays
	rm -rf .venv .uv .train .mypy_cache .pytest_cache .ruff_cache .hypothesis

# uv lives in an environment of its own, so that .venv holds what the bot needs and nothing else.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("Footnote needs Python 3.11 or newer; try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/installed: pyproject.toml uv.lock | $(UV)
	$(UV) sync --quiet --locked --inexact --no-dev --python $(shell command -v $(PYTHON))
	@touch $@

.venv/developing: .venv/installed
	$(UV) sync --quiet --locked --inexact --python $(shell command -v $(PYTHON))
	@touch $@
